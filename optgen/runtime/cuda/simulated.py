"""Memory access in Numba's simulator: the intrinsics of ``jit`` in Python."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np

Lanes = np.ndarray[Any, np.dtype[Any]]
_one_at_a_time = threading.Lock()


def load(lanes: Lanes, address: int, first: int, count: int, whole: bool) -> None:
    """Load elements of memory into lanes; lanes past the end are 0."""
    end = _end(lanes, address, first, count, whole)
    lanes[end - first :] = 0
    if first < end:
        lanes[: end - first] = _elements(lanes, address, first, end)


def store(lanes: Lanes, address: int, first: int, count: int, whole: bool) -> None:
    """Store lanes into elements of memory."""
    end = _end(lanes, address, first, count, whole)
    if first < end:
        _elements(lanes, address, first, end)[:] = lanes[: end - first]


def take_number(table: Any) -> int:
    """Add 1 to the first entry of a table; return its previous value."""
    with _one_at_a_time:
        number = int(table[0])
        table[0] = number + 1
    return number


def _end(lanes: Lanes, address: int, first: int, count: int, whole: bool) -> int:
    """The end of an access. Raises AssertionError for an access that a GPU would refuse."""
    end = first + len(lanes)
    if whole:
        assert end <= count, "a vector reaches over the end"
        assert (address + first * lanes.itemsize) % lanes.nbytes == 0, "a vector isn't aligned"
    return max(first, min(end, count))


def _elements(lanes: Lanes, address: int, first: int, end: int) -> Lanes:
    """Elements of memory as an array that shares this memory."""
    start = int(address) + int(first) * lanes.itemsize
    memory = (ctypes.c_ubyte * (int(end - first) * lanes.itemsize)).from_address(start)
    return np.ctypeslib.as_array(memory).view(lanes.dtype)
