"""A budget of counted work for an analysis, independent of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


class ExhaustedError(Exception):
    """An analysis that exceeds its limit of work."""


@dataclass
class Work:
    """The remaining units of work; a unit takes about three microseconds."""

    left: int


_BOUNDS: ContextVar[tuple[Work, ...]] = ContextVar("bounds", default=())


@contextmanager
def bounded(*bounds: Work) -> Iterator[None]:
    """Charge work in the body to all given limits and to the enclosing ones."""
    token = _BOUNDS.set((*_BOUNDS.get(), *bounds))
    try:
        yield
    finally:
        _BOUNDS.reset(token)


def spend(units: int) -> None:
    """Charge work before doing it. Raises ExhaustedError beyond a limit."""
    for bound in _BOUNDS.get():
        bound.left -= units
        if bound.left < 0:
            raise ExhaustedError
