"""A class doesn't run kernels of another build, which may compute another rule."""

from __future__ import annotations

import importlib
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from optgen.runtime import memory, schedule
from optgen.runtime.kernels import MixedBuildError

GENERATED = Path(__file__).parent.parent.parent / "generated"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the built-in optimizers; its schedules aren't known by name to other tests."""
    monkeypatch.setattr(schedule, "_classes", dict(schedule._classes))
    shutil.copytree(GENERATED, tmp_path / "mixed", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "mixed"]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path / "mixed"


def rebuild(path: Path) -> None:
    """Make a file one of another build."""
    digest = r"((?:fingerprint|FINGERPRINT) ?= ?)\"\w{32}\""
    text, count = re.subn(digest, r'\1"that of another build"', path.read_text())
    assert count == 1
    path.write_text(text)


@pytest.mark.parametrize("file", ["adam.py", "features.py", "cpu/adam.py", "cpu/features.py"])
def test_a_mixed_class_makes_no_step(package: Path, file: str) -> None:
    rebuild(package / file)
    param = np.ones(3)
    with pytest.raises(MixedBuildError, match=r"mixed\..*adam.*run optgen build again"):
        importlib.import_module("mixed").Adam().apply([np.ones(3)], [param])
    assert (param == 1).all()


@pytest.mark.usefixtures("python_kernels")
def test_a_class_of_one_build_runs(package: Path) -> None:
    adam = importlib.import_module("mixed").Adam()
    adam.apply([np.ones(3)], [np.ones(3)])


def stub(monkeypatch: pytest.MonkeyPatch, name: str, **contents: object) -> None:
    module = ModuleType(name)
    vars(module).update(contents)
    monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize("file", ["cuda/adam.py", "cuda/features.py"])
def test_a_device_gets_no_kernels_of_another_build(
    package: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub(monkeypatch, "optgen.runtime.cuda.memory", DeviceMemory=lambda *given: given)
    monkeypatch.setattr(memory, "is_on_device", lambda variable: True)
    monkeypatch.setattr(memory, "missing_packages", lambda: "")
    for text in (package / "cuda").glob("*.py"):
        text.write_text(f'FINGERPRINT = "{fingerprint_in(text)}"')
    rebuild(package / file)
    rule = importlib.import_module("mixed").Adam
    with pytest.raises(MixedBuildError, match="run optgen build again"):
        memory.memory_of({"kernel": object()}, rule)


def fingerprint_in(path: Path) -> str:
    found = re.search(r'FINGERPRINT = "(\w+)"', path.read_text())
    return found[1] if found else ""
