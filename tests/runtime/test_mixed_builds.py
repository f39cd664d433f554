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
from optgen.runtime.kernels import Kernels, MixedBuildError, load_kernels

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
    text, count = re.subn(r'fingerprint = ?"\w{32}"|(?<=fingerprint=")\w{32}', "", path.read_text())
    assert count == 1
    path.write_text(text)


@pytest.mark.parametrize("file", ["adam.py", "cpu/adam.py"])
def test_a_mixed_class_cant_be_imported(package: Path, file: str) -> None:
    rebuild(package / file)
    with pytest.raises(ImportError, match=r"mixed\.adam\.Adam: .*run optgen build again"):
        importlib.import_module("mixed")


def test_a_class_of_one_build_runs(package: Path) -> None:
    adam = importlib.import_module("mixed").Adam()
    adam.apply([np.ones(3)], [np.ones(3)])


def kernels(fingerprint: str) -> Kernels:
    return Kernels((), (), print, (), fingerprint)


def stub(monkeypatch: pytest.MonkeyPatch, name: str, **contents: object) -> None:
    module = ModuleType(name)
    vars(module).update(contents)
    monkeypatch.setitem(sys.modules, name, module)


def test_kernels_are_compared_when_they_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    stub(monkeypatch, "some_kernels", KERNELS=kernels("new"))
    assert load_kernels("some_kernels", "new").fingerprint == "new"
    with pytest.raises(MixedBuildError, match=r"some_kernels: .*run optgen build again"):
        load_kernels("some_kernels", "old")


def test_a_device_gets_no_kernels_of_another_build(monkeypatch: pytest.MonkeyPatch) -> None:
    stub(monkeypatch, "some_kernels", KERNELS=kernels("new"))
    stub(monkeypatch, "optgen.runtime.cuda.memory", DeviceMemory=lambda *given: given)
    monkeypatch.setattr(memory, "is_on_device", lambda variable: True)
    monkeypatch.setattr(memory, "missing_packages", lambda: "")
    named = {"kernel": object()}
    assert memory.memory_of(named, kernels("new"), "some_kernels")
    with pytest.raises(MixedBuildError):
        memory.memory_of(named, kernels("old"), "some_kernels")
