"""Errors for unknown arguments, variables and classes, with the nearest name."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Mapping

#: Arguments of former days, which Keras still takes and warns of.
_GONE = frozenset({"decay"})


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


def nearest(name: str, known: Iterable[str]) -> str:
    """What to say after a name that isn't known: the nearest one, or those that there are."""
    listed = list(known)
    found = difflib.get_close_matches(name, listed, n=1)
    return f"; did you mean {found[0]!r}?" if found else f"; there are {', '.join(listed)}"
