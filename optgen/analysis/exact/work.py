"""A budget of counted work for an analysis, independent of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


class ExhaustedError(Exception):
    """An analysis that needs more work than it may take."""


@dataclass
class Work:
    """Units of work that are left; one takes about three microseconds."""

    left: int


_BOUNDS: ContextVar[tuple[Work, ...]] = ContextVar("bounds", default=())


@contextmanager
def bounded(*bounds: Work) -> Iterator[None]:
    """Work inside counts against all bounds, and against those that hold already."""
    token = _BOUNDS.set((*_BOUNDS.get(), *bounds))
    try:
        yield
    finally:
        _BOUNDS.reset(token)


def spend(units: int) -> None:
    """Count work that is about to be done. Raises ExhaustedError where it is too much."""
    for bound in _BOUNDS.get():
        bound.left -= units
        if bound.left < 0:
            raise ExhaustedError
