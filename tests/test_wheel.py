"""The wheel and the sources, in empty environments, used from a folder of nothing else."""

from __future__ import annotations

import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from optgen.archive import ARCHIVES
from tests.pythons import interpreters

ROOT = Path(__file__).parent.parent
#: The version that runs the tests.
OWN = platform.python_version().rpartition(".")[0]


def run(*command: object, cwd: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL"))}
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@dataclass(frozen=True)
class Built:
    """What an upload to a package index consists of; the wheel is built from the sources in it."""

    sources: Path
    wheel: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Built from a copy without what git ignores, so that no stale build folder is picked up."""
    source = tmp_path_factory.mktemp("source")
    listed = run("git", "ls-files", "-coz", "--exclude-standard", cwd=ROOT).split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    out = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, cwd=source)
    (sources,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return Built(sources, wheel)


def test_the_wheel_holds_the_whole_project(built: Built) -> None:
    """The files of targets and published specs are in archives inside of it.

    Only the digests by which builds find edited files are left out.
    """
    moved = {"optgen": "optgen", "generated": "optgen/optimizers"}
    moved |= {"specs": "optgen/specs", "templates": "optgen/templates"}
    with zipfile.ZipFile(built.wheel) as wheel:
        inside = {name: wheel.read(name) for name in wheel.namelist()}
    archives = [f"optgen/optimizers/{name}" for name in set(ARCHIVES.values())]
    for packed in (*archives, "optgen/specs/published"):
        with zipfile.ZipFile(io.BytesIO(inside.pop(f"{packed}.zip"))) as archive:
            folder = packed.rpartition("/")[0]
            inside |= {f"{folder}/{name}": archive.read(name) for name in archive.namelist()}
    assert "optgen/optimizers/manifest.json" not in inside
    for folder, target in moved.items():
        for path in (ROOT / folder).rglob("*"):
            if path.name == "manifest.json":
                continue
            if path.is_file() and "__pycache__" not in path.parts:
                name = f"{target}/{path.relative_to(ROOT / folder).as_posix()}"
                assert inside.get(name) == path.read_bytes(), name


def test_the_wheel_is_small(built: Built) -> None:
    assert built.wheel.stat().st_size < 3_000_000


def test_both_hold_the_licence_and_nothing_of_the_workshop(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel, tarfile.open(built.sources) as sources:
        of_wheel = wheel.namelist()
        of_sources = [name.partition("/")[2] for name in sources.getnames()]
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in of_wheel)
    assert {"LICENSE", "README.md", "pyproject.toml", "setup.py"} <= set(of_sources)
    for name in (*of_wheel, *of_sources):
        assert not name.startswith(("tests/", "benchmarks/", ".ci/")), name
        assert not name.endswith((".pyc", ".nbc", ".nbi")), name


def environment(folder: Path, python: Path, *requirements: object) -> Path:
    """The interpreter of a new environment, in which these are installed."""
    run(python, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    own = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    install(own, folder, *requirements)
    return own


def install(python: Path, folder: Path, *requirements: object) -> None:
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    # Of the packages that it needs little is imported: that is compiled then.
    run(*pip, "--no-compile", *requirements, cwd=folder)


def trains_without_extras(python: Path, folder: Path) -> None:
    """A light install: what is in it, a step of it, and what it says about the rest."""
    program = """
import json
from importlib.metadata import distributions
import numpy as np
from optgen.optimizers import RMSprop
w = np.array(10.0)
RMSprop(learning_rate=0.1).apply([w.copy()], [w])
names = sorted(one.name.lower().replace("-", "_") for one in distributions())
print(json.dumps([float(w), names]))
"""
    found, names = json.loads(run(python, "-c", program, cwd=folder))
    assert found == pytest.approx(9.683772, abs=1e-6)
    assert names == ["llvmlite", "ml_dtypes", "numba", "numpy", "optgen", "safetensors"]
    page = json.loads(run(python.with_name("optgen"), "doctor", "--format", "json", cwd=folder))
    verdicts = {
        one["subject"]: (one["verdict"], one["advice"])
        for section in page["sections"]
        for one in section["findings"]
    }
    # The settings of a machine may make it slow.
    assert verdicts["NumPy"][0] in {"fast", "slow"}
    # Addresses of arrays are read as this version of Python and of NumPy have them.
    assert verdicts["addresses of arrays"] == ("ok", "")
    for path, extra in (("commands", "cli"), ("rules of your own", "compiler"), ("torch", "torch")):
        assert verdicts[path] == ("missing", f"pip install --upgrade 'optgen[{extra}]'")
    with pytest.raises(AssertionError, match=r"error: the command optgen needs .*'optgen\[cli\]'"):
        run(python.with_name("optgen"), "list", cwd=folder)


def test_the_wheel_works_where_nothing_else_is(built: Built, tmp_path: Path) -> None:
    python = environment(tmp_path, Path(sys.executable), built.wheel)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    trains_without_extras(python, elsewhere)
    install(python, elsewhere, f"{built.wheel}[cli]")
    optgen = python.with_name("optgen")
    # Those of archives are compared with what specs in the wheel make; of all rules, in full tests.
    program = """
from unittest.mock import Mock
from optgen.compiler.build import prepare, stale
from optgen.compiler.library import find_specs
from optgen.data import generated_folder
report = Mock()
stale(prepare(find_specs(["lion", "muon"])), generated_folder(), report)
assert [call.args[1] for call in report.done.call_args_list] == ["current"] * 2
"""
    run(python, "-c", program, cwd=elsewhere)
    run(optgen, "new", "Fresh", cwd=elsewhere)
    # It is compared with published rules, which are in an archive.
    assert "1 spec without errors" in run(optgen, "check", "fresh.toml", cwd=elsewhere)
    run(optgen, "build", "fresh.toml", "adam", "--out", "package", cwd=elsewhere)
    program = """
import numpy as np
import optgen.optimizers
from optgen.runtime.plain import in_numpy, kernel_file
from package import Adam, Fresh
w = np.zeros((3, 2), np.float32)
Fresh(learning_rate=0.5).apply([np.ones_like(w)], [w])
assert np.allclose(w, -0.05)
# Of a built-in rule, the kernels are in an archive.
lion = optgen.optimizers.Lion
in_numpy(lion)(learning_rate=0.5).apply([np.ones_like(w)], [w])
assert np.allclose(w, -0.55)
assert "def update(" in kernel_file(lion).read_text()
"""
    run(python, "-c", program, cwd=elsewhere)
    assert "RMSprop" in run(optgen, "list", cwd=elsewhere)
    assert "store param" in run(optgen, "show", "sgd", cwd=elsewhere)


@pytest.mark.full
def test_the_wheel_holds_what_its_specs_make(built: Built, tmp_path: Path) -> None:
    python = environment(tmp_path, Path(sys.executable), f"{built.wheel}[cli]")
    where = "import optgen.optimizers as o; print(o.__path__[0])"
    package = Path(run(python, "-c", where, cwd=tmp_path).strip())
    shutil.copy(ROOT / "generated" / "manifest.json", package)
    run(python.with_name("optgen"), "build", "--check", cwd=tmp_path)


@pytest.mark.full
@pytest.mark.parametrize("version", [one for one in interpreters() if one != OWN])
def test_the_wheel_works_in_other_versions(version: str, built: Built, tmp_path: Path) -> None:
    python = environment(tmp_path, interpreters()[version], built.wheel)
    trains_without_extras(python, tmp_path)
