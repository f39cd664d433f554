"""Optimizers of a user's own, built from the specs beside this file."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from types import ModuleType

from optgen.compiler.build import build, prepare
from optgen.compiler.library import find_specs

#: A trust ratio, which takes two prepasses and has names that kernels need; and every function.
NAMES = ("Lamb", "Odd")
#: Numbers, rows and columns: means, shared numbers, extremes, norms. The last has names that
#: kernels need.
EXTENTS = ("Factored", "Distant", "Covered", "Normal", "Fallen")
SPECS = Path(__file__).with_name("specs")


class _Silent:
    def compiled(self, name: str) -> None:
        pass

    def done(self, name: str, status: str) -> None:
        pass


@cache
def package() -> ModuleType:
    """The package that the specs are built into."""
    folder = Path(mkdtemp())
    build(prepare(find_specs([str(SPECS)])), folder / "own_optimizers", _Silent())
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("own_optimizers")
    finally:
        sys.path.remove(str(folder))
