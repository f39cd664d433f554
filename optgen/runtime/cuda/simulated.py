"""Memory access in Numba's simulator: the intrinsics of ``lanes`` and ``pointers`` in Python."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np

from optgen.runtime.cpu.storage import Formats

Lanes = np.ndarray[Any, np.dtype[Any]]
_one_at_a_time = threading.Lock()


def load(
    lanes: Lanes, start: int, first: int, count: int, whole: bool, column: int, formats: Formats
) -> None:
    """Load elements of memory into lanes; lanes past the end are 0."""
    end = _end(lanes, start, first, count, whole)
    lanes[end - first :] = 0
    if first < end:
        lanes[: end - first] = _elements(start + first, start + end, column, formats)


def store(
    lanes: Lanes, start: int, first: int, count: int, whole: bool, column: int, formats: Formats
) -> None:
    """Store lanes into elements of memory."""
    end = _end(lanes, start, first, count, whole)
    if first < end:
        _elements(start + first, start + end, column, formats)[:] = lanes[: end - first]


def take(lanes: Lanes, start: int, first: int, count: int, whole: bool, _: int, *of: Any) -> None:
    """Load elements of a row that follow each other in memory."""
    load(lanes, start, first, count, whole, *of)


def give(lanes: Lanes, start: int, first: int, count: int, whole: bool, _: int, *of: Any) -> None:
    """Store elements of a row that follow each other in memory."""
    store(lanes, start, first, count, whole, *of)


def gather(
    lanes: Lanes, start: int, first: int, count: int, whole: bool, columns: int, *of: Any
) -> None:
    """Load elements of a row at the places of its columns; lanes past the end are 0."""
    lanes[:] = 0
    for k in range(max(0, min(len(lanes), count - first))):
        place = start + int(integers(columns)[first + k])
        lanes[k] = _elements(place, place + 1, *of)[0]


def scatter(
    lanes: Lanes, start: int, first: int, count: int, whole: bool, columns: int, *of: Any
) -> None:
    """Store elements of a row at the places of its columns."""
    for k in range(max(0, min(len(lanes), count - first))):
        place = start + int(integers(columns)[first + k])
        _elements(place, place + 1, *of)[0] = lanes[k]


def as_stored(value: Any, column: int, formats: Formats) -> Any:
    """A number as it is loaded again once it's stored."""
    return formats.real(np.asarray(value).astype(formats.columns[column]))


def element_at(addresses: Any, row: int, column: int, formats: Formats) -> int:
    """The number of the first element of a buffer."""
    number, rest = divmod(int(addresses[row + column]), formats.itemsize(column))
    assert rest == 0, "an element isn't aligned"
    return number


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


def _end(lanes: Lanes, start: int, first: int, count: int, whole: bool) -> int:
    """The end of an access. Raises AssertionError for an access that a GPU would refuse."""
    end = first + len(lanes)
    if whole:
        assert end <= count, "a vector reaches over the end"
        assert (start + first) % len(lanes) == 0, "a vector isn't aligned"
    return max(first, min(end, count))


def _elements(first: int, end: int, column: int, formats: Formats) -> Lanes:
    """Elements of memory, counted from address 0, as an array that shares this memory."""
    dtype = np.dtype(formats.columns[column])
    size = int(end - first) * dtype.itemsize
    memory = (ctypes.c_ubyte * size).from_address(int(first) * dtype.itemsize)
    return np.ctypeslib.as_array(memory).view(dtype)
