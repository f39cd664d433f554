"""Rules whose states are numbers, rows and columns, built from the specs beside this file."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.built import built

NAMES = ("Factored", "Covered", "Trust", "Learned", "Normed")
SPECS = Path(__file__).with_name("specs")


@cache
def package() -> ModuleType:
    """The package that the specs are built into."""
    return built([SPECS], "rules_of_any_extent")


def rule(name: str) -> Any:
    """The optimizer class of a rule."""
    return getattr(package(), name)
