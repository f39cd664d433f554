"""Packages of optimizers that tests build from specs of their own."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from types import ModuleType

from optgen.compiler.build import build, prepare
from optgen.compiler.library import find_specs


class _Silent:
    def compiled(self, name: str) -> None:
        pass

    def done(self, name: str, status: str) -> None:
        pass


def built(paths: Sequence[Path], name: str) -> ModuleType:
    """The package of this name, which some specs, or folders of them, are built into."""
    folder = Path(mkdtemp())
    build(prepare(find_specs([*map(str, paths)])), folder / name, _Silent())
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))
