"""Errors for missing packages. Each extra of ``pyproject.toml`` is named by what installs it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

#: The modules of each extra that something can't begin without.
EXTRAS = {
    "compiler": ("jinja2", "sympy"),
    "cli": ("jinja2", "rich", "sympy", "typer"),
    "torch": ("torch",),
    "keras": ("keras",),
    "jax": ("jax", "optax"),
}


def what_to_install(user: str, extra: str) -> str:
    """Which modules of an extra a ``user`` needs that aren't installed; empty if all are."""
    absent = [name for name in EXTRAS[extra] if not _is_there(name)]
    if not absent:
        return ""
    return f"{user} needs {listed(absent)}: {installing(extra)}"


def require(user: str, extra: str) -> None:
    """Raise ImportError, which says what to install, where a module of an extra is missing."""
    missing = what_to_install(user, extra)
    if missing:
        raise ImportError(missing)


def installing(extra: str) -> str:
    """The command that installs an extra."""
    return f"python -m pip install 'optgen[{extra}]'"


def listed(names: Sequence[str]) -> str:
    """Names as a phrase: "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
