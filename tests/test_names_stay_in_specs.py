"""Optimizers, features, schedules and hyperparameters are known by their specs alone."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.chosen import first_of

ROOT = Path(__file__).parent.parent
FEATURES = sorted((ROOT / "specs" / "features").glob("*.toml"))
OPTIONAL = sorted((ROOT / "specs" / "features" / "optional").glob("*.toml"))
#: Features are woven around every rule by the same code.
SOME = ("rmsprop", "torchadamw")
OPTIMIZERS = sorted((ROOT / "specs" / "optimizers").rglob("*.toml"))
SCHEDULES = sorted((ROOT / "specs" / "schedules").glob("*.toml"))
#: What the language itself gives to every spec, and what it calls the side of a matrix.
GIVEN = {"learning_rate", "rank"}
#: Arguments of schedules, by Keras's names, and names from papers that are words of many programs.
EVERYDAY = {
    *("alpha", "beta", "cycle", "power", "values"),
    *("ax", "d", "eta", "r", "step_size", "z"),
    *("distance", "product", "progress", "scale", "start", "sum", "variance"),
    *("derivative", "diameter", "phi", "radius", "theta"),
    *("average", "basis", "bound", "factor", "keep", "left", "rank", "right"),
}


def declared(path: Path) -> set[str]:
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return {data["name"], path.stem, *data.get("hyperparameters", ()), *data.get("state", ())}


def test_no_source_or_template_names_them() -> None:
    names = set().union(*map(declared, [*FEATURES, *OPTIONAL, *OPTIMIZERS, *SCHEDULES]))
    names -= GIVEN | EVERYDAY
    pattern = re.compile(rf"\b({'|'.join(sorted(names))})\b", re.IGNORECASE)
    files = [*(ROOT / "optgen").rglob("*.py"), *(ROOT / "templates").iterdir()]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {hit[0]}"
        for path in files
        if path.is_file()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for hit in [pattern.search(line)]
        if hit
    ]
    assert not found, "\n".join(found)


def arguments(path: Path) -> list[str]:
    (cls,) = (n for n in ast.parse(path.read_text()).body if isinstance(n, ast.ClassDef))
    (init,) = (n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    return [argument.arg for argument in (*init.args.args, *init.args.kwonlyargs)]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("optgen", "specs", "templates"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize("feature", first_of(FEATURES, 2), ids=lambda path: path.stem)
def test_a_deleted_feature_is_gone_everywhere(feature: Path, copy: Path, tmp_path: Path) -> None:
    inside = copy / feature.relative_to(ROOT)
    lost = set(tomllib.loads(inside.read_text(encoding="utf-8"))["hyperparameters"])
    hidden = inside.rename(tmp_path / feature.name)
    try:
        environment = {**os.environ, "PYTHONPATH": str(copy)}
        command = [sys.executable, "-m", "optgen", "build", *SOME, "--out", str(tmp_path / "out")]
        subprocess.run(command, cwd=copy, env=environment, check=True, capture_output=True)
    finally:
        hidden.rename(inside)
    shared = ("__init__", "features")
    built = sorted(path for path in (tmp_path / "out").glob("*.py") if path.stem not in shared)
    assert [path.stem for path in built] == [*SOME]
    for path in built:
        assert not lost & set(arguments(path))
        assert lost <= set(arguments(ROOT / "generated" / path.name))
        targets = ("cpu", "cuda", "jax", "keras")
        kernels = [(tmp_path / "out" / t / path.name).read_text() for t in targets]
        # What torch calls another argument may be a feature's name.
        own = re.sub(r"torch_names = \(\n( {8}.*\n)*", "", path.read_text())
        text = "".join([*kernels, own])
        assert not any(re.search(rf"\b{name}\b", text) for name in lost)
