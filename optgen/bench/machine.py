"""The memory bandwidth of this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, prange

Array = np.ndarray[Any, np.dtype[np.float32]]


@njit(parallel=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _in_place(array: Array) -> None:
    factor = np.float32(1.0001)
    for i in prange(array.size):
        array[i] = array[i] * factor


@njit(parallel=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _copy(source: Array, target: Array) -> None:
    for i in prange(source.size):
        target[i] = source[i]


def in_place(size: int) -> tuple[Callable[[], None], int]:
    """A pass that changes ``size`` float32 numbers in place, and the number of bytes it moves."""
    array = np.ones(size, np.float32)
    return lambda: _in_place(array), 8 * size


def copy(size: int) -> tuple[Callable[[], None], int]:
    """A pass that copies ``size`` float32 numbers, and the number of bytes it moves."""
    source, target = np.ones(size, np.float32), np.zeros(size, np.float32)
    return lambda: _copy(source, target), 8 * size
