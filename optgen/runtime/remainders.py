"""Remainders: what variables of bfloat16 would lose in storage, as integers beside them.

Together they are numbers of 24 or 32 bits. Kernels join and part them in ``cpu/split.py``; here
whole variables are, for what happens between kernels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from optgen.runtime.dtypes import HALVES

Array = np.ndarray[Any, np.dtype[Any]]
_MAGNITUDE, _INFINITY, _NAN = 0x7FFFFFFF, 0x7F800000, 0x7FC0
_VISIBLE = np.dtype(HALVES[0].scalar)


def joined(variable: Array, remainder: Array) -> Array:
    """The float32 numbers of a variable with its remainder."""
    upper = variable.view(np.uint16).astype(np.int32)
    rest = remainder.astype(np.int32) << (16 - 8 * remainder.itemsize)
    magnitude = np.maximum(((upper & _MAGNITUDE >> 16) << 16) + rest, 0)
    return np.asarray(magnitude | (upper >> 15) << 31).view(np.float32)


def parted(values: Array, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """The variable, and its remainder of a dtype, of some numbers."""
    further = 8 * dtype.itemsize
    dropped = 16 - further
    bits = np.asarray(values, np.float32).view(np.int32)
    magnitude = bits & _MAGNITUDE
    is_nan = magnitude > _INFINITY
    if dropped:
        # To nearest, ties to even.
        odd = magnitude >> dropped & 1
        magnitude = (magnitude + odd + (1 << dropped - 1) - 1) >> dropped
    upper = (magnitude + (1 << further - 1)) >> further
    rest = np.where(is_nan, 0, magnitude - (upper << further)).astype(dtype)
    upper = np.where(is_nan, _NAN, upper) | (bits >> 31 & 1) << 15
    return np.asarray(upper, np.uint16).view(_VISIBLE), rest
