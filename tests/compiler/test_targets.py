"""Targets stand alone: what is printed for one needs nothing of another."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from optgen.compiler.emit.targets import TARGETS
from tests.chosen import first_of

ROOT = Path(__file__).parents[2]
COPIED = ("optgen", "specs", "templates")
STEP = """
import numpy as np, sys
sys.path.insert(0, {out!r})
import built
param = np.ones(3)
optimizer = built.SGD(learning_rate=0.5)
optimizer.apply([np.ones(3)], [param])
assert (param == 0.5).all()
"""


def python(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    command = [sys.executable, *arguments]
    given: dict[str, Any] = {"cwd": copy, "env": environment}
    return subprocess.run(command, check=False, capture_output=True, text=True, **given)


@pytest.mark.parametrize("name", first_of((one.name for one in TARGETS if one.name != "cpu"), 1))
def test_without_the_folder_of_a_target_all_else_builds(name: str, tmp_path: Path) -> None:
    for folder in COPIED:
        # With bytecode, which holds for files of the same time.
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.rmtree(tmp_path / "optgen/compiler/emit/targets" / name)
    shutil.rmtree(tmp_path / "templates" / name)
    out = tmp_path / "out" / "built"
    result = python(tmp_path, "-m", "optgen", "build", "sgd", "--out", str(out))
    assert result.returncode == 0, result.stdout + result.stderr
    left = {path.name for path in out.iterdir() if path.is_dir()}
    assert left - {"__pycache__"} == {target.name for target in TARGETS} - {name}
    help_text = python(tmp_path, "-m", "optgen", "show", "--help").stdout
    assert f"|{name}" not in help_text.replace(" ", "")
    result = python(tmp_path, "-c", STEP.format(out=str(out.parent)))
    assert result.returncode == 0, result.stderr
