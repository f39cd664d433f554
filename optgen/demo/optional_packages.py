"""Optional dependencies of the demo.

They are imported when the demo runs, so other commands don't need them. The generated package is
one of them: ``optgen build`` must work before it exists.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

#: What the demo can't do without, by the name that pip knows.
NEEDED = {"sklearn": "scikit-learn", "matplotlib": "matplotlib"}


class MissingExtraError(Exception):
    """Says what to install."""

    def __init__(self, missing: Iterable[str]) -> None:
        super().__init__(
            f"the demo needs {' and '.join(missing)}: python -m pip install 'optgen[demo]'"
        )


def optional(name: str) -> Any:
    """A module, or None where its package isn't installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            return None
        raise


def needed(name: str) -> Any:
    """A module of one of the packages that are needed. Raises MissingExtraError without it."""
    module = optional(name)
    if module is None:
        raise MissingExtraError([NEEDED[name.partition(".")[0]]])
    return module


def require_all() -> None:
    """Raises MissingExtraError with all that is missing."""
    missing = [package for name, package in NEEDED.items() if optional(name) is None]
    if missing:
        raise MissingExtraError(missing)
