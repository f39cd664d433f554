"""Rules that a test tries if it takes long for each; the marker ``full`` is on the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pytest

from tests.numeric.specs import FEW

Case = TypeVar("Case")


def few(cases: Iterable[Case], rule: Callable[[Case], str] = str) -> list[Any]:
    """Parameters of a test, by the names of their rules: those out of the cover have the marker."""
    params = []
    for one in cases:
        name = rule(one)
        marks: Any = () if name.lower() in FEW else pytest.mark.full
        params.append(pytest.param(one, marks=marks, id=name))
    return params
