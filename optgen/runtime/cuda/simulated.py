"""Memory access in Numba's simulator: intrinsics of kernels in Python.

They are those of ``starts``, ``lanes`` and ``pointers``.
"""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np

from optgen.runtime.cpu.storage import Formats
from optgen.runtime.cuda.simulated_storage import Start, read, rounded, start_of, write

Lanes = np.ndarray[Any, np.dtype[Any]]
#: As in ``control``, which imports this module.
ROUNDING_SEED, ROUNDING_STEP = 6, 7
_one_at_a_time = threading.Lock()


def load(
    lanes: Lanes, start: Start, first: int, count: int, whole: bool, column: int, formats: Formats
) -> None:
    """Load elements of memory into lanes; lanes past the end are 0."""
    _check(lanes, start[0] + first, first, count, whole)
    _load(lanes, start, np.arange(first, _end(lanes, first, count)), column, formats)


def store(
    lanes: Lanes, start: Start, first: int, count: int, whole: bool, column: int, formats: Formats
) -> None:
    """Store lanes into elements of memory."""
    _check(lanes, start[0] + first, first, count, whole)
    write(start, np.arange(first, _end(lanes, first, count)), lanes, count, column, formats)


def take(
    lanes: Lanes, start: Start, offset: int, first: int, count: int, whole: bool, _: int, *of: Any
) -> None:
    """Load elements of a row that follow each other in memory."""
    load(lanes, start, offset + first, offset + count, whole, *of)


def give(
    lanes: Lanes, start: Start, offset: int, first: int, count: int, whole: bool, _: int, *of: Any
) -> None:
    """Store elements of a row that follow each other in memory.

    Blocks of rows are whole; here strips are so narrow that they may have parts of them.
    """
    _check(lanes, start[0] + offset + first, first, count, whole)
    write(start, offset + np.arange(first, _end(lanes, first, count)), lanes, None, *of)


def gather(
    lanes: Lanes,
    start: Start,
    offset: int,
    first: int,
    count: int,
    whole: bool,
    columns: int,
    column: int,
    formats: Formats,
) -> None:
    """Load elements of a row at the places of its columns; lanes past the end are 0."""
    places = _places(lanes, offset, first, count, columns)
    _load(lanes, start, places, column, formats)


def scatter(
    lanes: Lanes,
    start: Start,
    offset: int,
    first: int,
    count: int,
    whole: bool,
    columns: int,
    column: int,
    formats: Formats,
) -> None:
    """Store elements of a row at the places of its columns."""
    places = _places(lanes, offset, first, count, columns)
    write(start, places, lanes, count, column, formats)


def as_stored(value: Any, start: Start, index: int, column: int, formats: Formats) -> Any:
    """A number as it is loaded again once it's stored at a place of a stretch."""
    return formats.real(rounded(start, int(index), value, column, formats))


def start_at(
    addresses: Any,
    control: Any,
    buffers: int,
    here: tuple[int, int, int],
    column: int,
    formats: Formats,
) -> Start:
    """The start of a stretch of a buffer."""
    tensor, first, place = (int(one) for one in here)
    row = [int(addresses[buffers * tensor + k]) for k in (column, buffers - 1)]
    stream = place, tensor, int(control[ROUNDING_STEP]), int(control[ROUNDING_SEED])
    return start_of(row, first, stream, column, formats)


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


def _load(lanes: Lanes, start: Start, places: Lanes, column: int, formats: Formats) -> None:
    lanes[len(places) :] = 0
    if len(places):
        lanes[: len(places)] = read(start, places, formats.columns[column])


def _check(lanes: Lanes, place: int, first: int, count: int, whole: bool) -> None:
    """Raise AssertionError for an access that a GPU would refuse."""
    if whole:
        assert first + len(lanes) <= count, "a vector reaches over the end"
        assert place % len(lanes) == 0, "a vector isn't aligned"


def _end(lanes: Lanes, first: int, count: int) -> int:
    return max(first, min(first + len(lanes), count))


def _places(lanes: Lanes, offset: int, first: int, count: int, columns: int) -> Lanes:
    """The places of the elements of a scattered row."""
    own = [integers(columns)[k] for k in range(first, _end(lanes, first, count))]
    return offset + np.array(own, np.int64)
