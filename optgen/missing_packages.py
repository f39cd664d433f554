"""Errors for missing dependencies of the compiler. Built optimizers don't need them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

#: What the compiler imports, and what the command line imports besides.
COMPILER, COMMANDS = ("jinja2", "sympy"), ("jinja2", "rich", "sympy", "typer")


def what_to_install(user: str, packages: Sequence[str]) -> str:
    """Which packages a ``user`` needs that aren't installed; empty if all are."""
    absent = [name for name in packages if not _is_there(name)]
    if not absent:
        return ""
    listed = " and ".join(filter(None, (", ".join(absent[:-1]), absent[-1])))
    return f"{user} needs {listed}: python -m pip install {' '.join(absent)}"


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
