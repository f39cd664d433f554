"""Functions that generated CPU kernels call."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from optgen.runtime import small_functions as plain

square = njit(plain.square)
maximum = njit(plain.maximum)
minimum = njit(plain.minimum)
clip = njit(plain.clip)
sign = njit(plain.sign)


@njit
def sum_in_order(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """The sum of a column, always in the same order."""
    total = 0.0
    for value in values:
        total += value
    return total
