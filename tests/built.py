"""Packages of optimizers that tests build from specs of their own.

A run of tests builds each once: all its processes find it, and the kernels compiled beside it.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from types import ModuleType

from optgen.compiler.build import build, prepare
from optgen.compiler.library import find_specs
from tests.run_folder import RUN


class _Silent:
    def compiled(self, name: str) -> None:
        pass

    def done(self, name: str, status: str) -> None:
        pass


def built(paths: Sequence[Path], name: str) -> ModuleType:
    """The package of this name, which some specs, or folders of them, are built into."""
    folder = Path(os.environ.get(RUN) or mkdtemp()) / _digest(paths)
    if not folder.is_dir():
        new = Path(mkdtemp(dir=folder.parent))
        build(prepare(find_specs([*map(str, paths)])), new / name, _Silent())
        with suppress(OSError):  # Another process was first.
            new.rename(folder)
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))


def _digest(paths: Sequence[Path]) -> str:
    found = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*.toml")) if path.is_dir() else [path]:
            found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()[:16]
