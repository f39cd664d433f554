"""Rules with functions of whole matrices, built from the specs beside this file."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.built import built

NAMES = ("Ortho", "Beside", "Rooted", "Rotated")
SPECS = Path(__file__).with_name("specs")


@cache
def package() -> ModuleType:
    """The package that the specs are built into."""
    return built([SPECS], "rules_with_matrices")


def rule(name: str) -> Any:
    """The optimizer class of a rule."""
    return getattr(package(), name)
