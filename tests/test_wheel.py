"""The wheel in an empty environment, used from a folder that has nothing to do with it."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


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


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy without what git ignores, so that no stale build folder is picked up."""
    source = tmp_path_factory.mktemp("source")
    listed = run("git", "ls-files", "-coz", "--exclude-standard", cwd=ROOT).split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, cwd=source)
    (found,) = out.glob("*.whl")
    return found


def test_the_wheel_holds_the_whole_project(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    moved = {"optgen": "optgen", "generated": "optgen/optimizers"}
    moved |= {"specs": "optgen/specs", "templates": "optgen/templates"}
    for folder, target in moved.items():
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                name = f"{target}/{path.relative_to(ROOT / folder).as_posix()}"
                assert name in inside, name


def test_the_wheel_works_where_nothing_else_is(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    programs = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python, elsewhere = programs / "python", tmp_path / "elsewhere"
    elsewhere.mkdir()
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    # Of the packages that it needs little is imported: that is compiled then.
    run(*pip, "--no-compile", wheel, cwd=elsewhere)
    program = """
import numpy as np
from optgen.optimizers import RMSprop
w = np.array(10.0)
RMSprop(learning_rate=0.1).apply([w.copy()], [w])
print(float(w))
"""
    assert float(run(python, "-c", program, cwd=elsewhere)) == pytest.approx(9.683772, abs=1e-6)
    optgen = programs / "optgen"
    run(optgen, "build", "--check", cwd=elsewhere)
    run(optgen, "new", "Fresh", cwd=elsewhere)
    run(optgen, "build", "fresh.toml", "adam", "--out", "package", cwd=elsewhere)
    program = """
import numpy as np
from package import Adam, Fresh
w = np.zeros((3, 2), np.float32)
Fresh(learning_rate=0.5).apply([np.ones_like(w)], [w])
assert np.allclose(w, -0.05)
"""
    run(python, "-c", program, cwd=elsewhere)
    assert "RMSprop" in run(optgen, "list", cwd=elsewhere)
    assert "store param" in run(optgen, "show", "sgd", cwd=elsewhere)
