"""The stack level of the caller of this package, for warnings."""

from __future__ import annotations

import inspect

_OWN = __name__.partition(".")[0] + "."


def caller_level() -> int:
    """The ``stacklevel`` at which a function of this package warns of its user's line."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and str(frame.f_globals.get("__name__")).startswith(_OWN):
        frame, level = frame.f_back, level + 1
    return level
