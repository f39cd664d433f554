"""Parameters of tests of which a few are tried wherever all tests run, and the others in full."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


def rest_in_full(values: Iterable[T], chosen: Callable[[T], bool]) -> list[Any]:
    """All values, or tuples of them; those that aren't ``chosen`` have the marker ``full``."""
    return [one if chosen(one) else _marked(one) for one in values]


def first_of(values: Iterable[T], count: int) -> list[Any]:
    """All values, or tuples of them; those behind the first have the marker ``full``."""
    every = [*values]
    return [*every[:count], *map(_marked, every[count:])]


def _marked(one: Any) -> Any:
    values = one if isinstance(one, tuple) else (one,)
    return pytest.param(*values, marks=pytest.mark.full)
