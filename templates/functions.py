"""Functions that generated kernels call; each file gets a copy of those that it uses.

They are copied because Numba's cache notices a change in the kernel's own file only. Each target
puts its own decorator in the place of `njit`.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit
def square(x: float) -> float:
    """The product of x with itself, in the type of x."""
    return x * x


@njit
def maximum(a: float, b: float) -> float:
    """The larger one; NaN if either is NaN."""
    return a if a > b or a != a else b


@njit
def minimum(a: float, b: float) -> float:
    """The smaller one; NaN if either is NaN."""
    return a if a < b or a != a else b


@njit
def clip(x: float, low: float, high: float) -> float:
    """The nearest number to x from low to high; NaN stays NaN."""
    return low if x < low else (high if x > high else x)


@njit
def sign(x: float) -> float:
    """-1, 0 or 1 in the type of x; NaN stays NaN."""
    kind = type(x)
    return kind(1) if x > 0 else (kind(-1) if x < 0 else x)


@njit
def sum_in_order(values: np.ndarray) -> float:
    """The sum of a column, always in the same order."""
    total = 0.0
    for value in values:
        total += value
    return total
