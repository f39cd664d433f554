"""Elements in the memory of a simulated device, by storage.

A start has the fields that ``starts`` gives it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from optgen.runtime.cpu import split
from optgen.runtime.remainders import joined, parted

Array = np.ndarray[Any, np.dtype[Any]]
#: A tuple of a length of its own for each storage.
Start = tuple[int, ...]


def start_of(row: Sequence[int], here: tuple[int, int], storage: str) -> Start:
    """The start of a stretch.

    ``row`` has the addresses of a buffer and of the remainder of its variable; ``here`` is the
    first element in memory, and its place in the whole variable.
    """
    first, _ = here
    address, beside = row
    further = split.further_bits(storage)
    own = first + _number(address, _dtype(storage).itemsize)
    if further:
        rest = first + _number(beside, further // 8)
        return own | rest, own, rest
    return (own,)


def read(start: Start, places: Array, storage: str) -> Array:
    """The numbers at some places of a stretch."""
    further = split.further_bits(storage)
    if further:
        visible = _elements(start[1], places, _dtype(storage))
        return joined(visible, _elements(start[2], places, _remainder(further)))
    return _elements(start[0], places, _dtype(storage))


def write(start: Start, places: Array, lanes: Array, storage: str) -> None:
    """Store numbers at some places of a stretch."""
    if not len(places):
        return
    numbers, further = lanes[: len(places)], split.further_bits(storage)
    if further:
        visible, rest = parted(numbers, _remainder(further))
        _assign(start[1], places, visible)
        _assign(start[2], places, rest)
    else:
        _assign(start[0], places, numbers.astype(_dtype(storage)))


def _dtype(storage: str) -> np.dtype[Any]:
    return np.dtype(storage.partition(" ")[0])


def _remainder(further: int) -> np.dtype[Any]:
    return np.dtype(f"int{further}")


def _number(address: int, itemsize: int) -> int:
    """The number of an element, counted from address 0."""
    number, rest = divmod(address, itemsize)
    assert rest == 0, "an element isn't aligned"
    return number


def _elements(first: int, places: Array, dtype: np.dtype[Any]) -> Array:
    """A copy of elements; ``first`` is the number of that at place 0."""
    memory, least = _memory(first, places, dtype)
    return memory[places - least].copy()


def _assign(first: int, places: Array, elements: Array) -> None:
    memory, least = _memory(first, places, elements.dtype)
    memory[places - least] = elements


def _memory(first: int, places: Array, dtype: np.dtype[Any]) -> tuple[Array, int]:
    """The memory from the least place to the largest, and the least."""
    least, most = int(places.min()), int(places.max())
    size = (most + 1 - least) * dtype.itemsize
    held = (ctypes.c_ubyte * size).from_address((int(first) + least) * dtype.itemsize)
    return np.ctypeslib.as_array(held).view(dtype), least
