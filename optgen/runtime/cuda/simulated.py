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


def take(lanes: Lanes, address: int, first: int, count: int, whole: bool, columns: int) -> None:
    """Load elements of a row that follow each other in memory."""
    load(lanes, address, first, count, whole)


def give(lanes: Lanes, address: int, first: int, count: int, whole: bool, columns: int) -> None:
    """Store elements of a row that follow each other in memory."""
    store(lanes, address, first, count, whole)


def gather(lanes: Lanes, address: int, first: int, count: int, whole: bool, columns: int) -> None:
    """Load elements of a row at the places of its columns; lanes past the end are 0."""
    lanes[:] = 0
    for k in range(max(0, min(len(lanes), count - first))):
        place = int(integers(columns)[first + k])
        lanes[k] = _elements(lanes, address, place, place + 1)[0]


def scatter(lanes: Lanes, address: int, first: int, count: int, whole: bool, columns: int) -> None:
    """Store elements of a row at the places of its columns."""
    for k in range(max(0, min(len(lanes), count - first))):
        place = int(integers(columns)[first + k])
        _elements(lanes, address, place, place + 1)[0] = lanes[k]


def reals(address: int) -> Any:
    """The table of float64 at an address."""
    return ctypes.cast(int(address), ctypes.POINTER(ctypes.c_double))


def integers(address: int) -> Any:
    """The table of int64 at an address."""
    return ctypes.cast(int(address), ctypes.POINTER(ctypes.c_int64))


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
