"""Scalar functions of the language that ``math`` lacks."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise


def clip(x: float, low: float, high: float) -> float:
    """``low`` where ``x`` is below it, ``high`` where ``x`` is above that, and else ``x``."""
    return low if x < low else high if x > high else x


def sign(x: float) -> float:
    """-1, 0 or 1."""
    return math.copysign(1.0, x) if x else 0.0


def piecewise(x: float, bounds: Sequence[float], levels: Sequence[float]) -> float:
    """The level of the stretch that ``x`` lies in; a bound belongs to the stretch before it.

    Raises ValueError where ``bounds`` decrease, or aren't one fewer than ``levels``.
    """
    if len(levels) != len(bounds) + 1:
        raise ValueError(f"{len(bounds)} bounds need {len(bounds) + 1} levels, not {len(levels)}")
    if any(left > right for left, right in pairwise(bounds)):
        raise ValueError(f"the bounds must not decrease: {list(bounds)}")
    return levels[bisect_left(bounds, x)]
