"""Optimizers of a user's own, built from the specs beside this file."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType

from tests.built import built

#: A trust ratio, which takes two prepasses and has names that kernels need; and every function.
NAMES = ("Lamb", "Odd")
#: Numbers, rows and columns: means, shared numbers, extremes, norms. The last has names that
#: kernels need.
EXTENTS = ("Factored", "Distant", "Covered", "Normal", "Fallen")
SPECS = Path(__file__).with_name("specs")


@cache
def package() -> ModuleType:
    """The package that the specs are built into."""
    return built([SPECS], "own_optimizers")
