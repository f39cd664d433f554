"""Errors for unknown arguments, variables and classes, with the nearest name."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Mapping

#: Arguments of former days, which Keras still takes and warns of.
_GONE = frozenset({"decay"})
#: More names than these are counted: a message should fit a screen.
_MOST = 40


class UnknownArgumentError(TypeError, ValueError):
    """An argument that an optimizer or schedule doesn't have; Keras raises ValueError there."""


def refuse_unknown(owner: str, unknown: Mapping[str, object], known: Iterable[str]) -> None:
    """Raise UnknownArgumentError, with the nearest name, for what is no argument of ``owner``."""
    for name, value in unknown.items():
        if name not in _GONE:
            raise UnknownArgumentError(f"{owner} has no argument {name!r}{nearest(name, known)}")
        if value is not None:
            message = f"{owner}: the argument {name!r} is no longer supported and is ignored"
            warnings.warn(message, stacklevel=4)


def nearest(name: str, known: Iterable[str], where: str = "") -> str:
    """What to say after a name that isn't known: the nearest one, or those that there are.

    ``where`` says what lists them, for where there are many.
    """
    listed = list(known)
    found = _close(name, listed)
    if found:
        return f"; did you mean {found!r}?"
    if len(listed) > _MOST:
        return f"; there are {len(listed)} names" + (f", which {where} lists" if where else "")
    return f"; there are {', '.join(listed)}"


def _close(name: str, known: list[str]) -> str:
    """The nearest name, in any case; empty if none is near."""
    found = difflib.get_close_matches(name, known, n=1)
    if found:
        return found[0]
    lower = {other.lower(): other for other in known}
    found = difflib.get_close_matches(name.lower(), lower, n=1)
    return lower[found[0]] if found else ""
