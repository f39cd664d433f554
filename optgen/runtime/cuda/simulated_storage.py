"""Elements in the memory of a simulated device, by storage.

A start has the fields that ``starts`` gives it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from optgen.runtime import philox
from optgen.runtime.codes import CODES
from optgen.runtime.cpu import split
from optgen.runtime.cpu.stochastic import FIRST_DRAW
from optgen.runtime.cpu.storage import DRAWN, Formats
from optgen.runtime.cuda import simulated_codes
from optgen.runtime.dtypes import BFLOAT16
from optgen.runtime.remainders import joined, parted

Array = np.ndarray[Any, np.dtype[Any]]
#: A tuple of a length of its own for each storage.
Start = tuple[int, ...]


def start_of(row: Sequence[int], first: int, stream: Start, column: int, formats: Formats) -> Start:
    """The start of a stretch whose first element in memory has that number.

    ``row`` has the addresses of a buffer and of the remainder of its variable; noise depends on
    the ``stream``, and on the number of the buffer's draws.
    """
    storage, draw = formats.columns[column], FIRST_DRAW + column
    address, beside = row
    if storage in CODES:
        _, tensor, step, seed = stream
        one, other, _, _ = _words(0, tensor, step, seed, draw)
        return first, address, stream[0], int(one) | int(other) << 32
    further = split.further_bits(storage)
    own = first + _number(address, _dtype(storage).itemsize)
    if further:
        rest = first + _number(beside, further // 8)
        return own | rest, own, rest
    return (own, *stream) if storage.endswith(DRAWN) else (own,)


def read(start: Start, places: Array, storage: str) -> Array:
    """The numbers at some places of a stretch."""
    if storage in CODES:
        return simulated_codes.read(start, places, CODES[storage])
    further = split.further_bits(storage)
    if further:
        visible = _elements(start[1], places, _dtype(storage))
        return joined(visible, _elements(start[2], places, _remainder(further)))
    return _elements(start[0], places, _dtype(storage))


def write(
    start: Start, places: Array, lanes: Array, count: int | None, column: int, formats: Formats
) -> None:
    """Store numbers at some places of a stretch.

    It ends before ``count``, or with a block.
    """
    if not len(places):
        return
    storage = formats.columns[column]
    numbers, further = lanes[: len(places)], split.further_bits(storage)
    if storage in CODES:
        simulated_codes.write(start, places, numbers, count, CODES[storage])
    elif further:
        visible, rest = parted(numbers, _remainder(further))
        _assign(start[1], places, visible)
        _assign(start[2], places, rest)
    else:
        _assign(start[0], places, _single(start, places, numbers, column, storage))


def rounded(start: Start, place: int, number: Any, column: int, formats: Formats) -> Any:
    """A number as it is read again once it's written at a place of a stretch."""
    storage = formats.columns[column]
    numbers: Array = np.array([number], formats.real)
    further = split.further_bits(storage)
    if further:
        return joined(*parted(numbers, _remainder(further)))[0]
    return _single(start, np.array([place]), numbers, column, storage)[0]


def _single(start: Start, places: Array, numbers: Array, column: int, storage: str) -> Array:
    """Numbers as elements of one array."""
    if not storage.endswith(DRAWN):
        return numbers.astype(_dtype(storage))
    place, *stream = start[1:]
    tensor, step, seed = stream
    draw = FIRST_DRAW + column
    noise = [_noise(int(one), tensor, step, seed, draw) for one in place + places]
    return _drawn(numbers, np.array(noise, np.int64), _dtype(storage))


def _noise(place: int, tensor: int, step: int, seed: int, draw: int) -> int:
    """The noise of an element: 16 bits, of those of eight in a call of Philox."""
    word = _words(place // 8, tensor, step, seed, draw)[place % 8 // 2]
    return int(word) >> 16 * (place % 2) & 0xFFFF


_words = lru_cache(1024)(philox.words)


def _drawn(numbers: Array, noise: Array, dtype: np.dtype[Any]) -> Array:
    """Float32 numbers, of which noise rounds up as many in 65536 as they are parts of the way."""
    bits = numbers.astype(np.float32).view(np.int32).astype(np.int64)
    magnitude, sign = bits & 0x7FFFFFFF, bits >> 31 & 1
    infinity = int(np.array(np.inf, dtype).view(np.int16))
    if dtype == BFLOAT16:
        found = magnitude + noise >> 16
    else:
        normal = (magnitude + (noise >> 3) >> 13) - (112 << 10)
        is_normal = magnitude >= 0x38800000
        # Subnormal numbers are whole numbers of units, with 16 bits behind the point.
        small = np.where(is_normal, 0, np.abs(numbers.astype(np.float32)))
        fixed = np.trunc(small.astype(np.float64) * 2.0**40).astype(np.int64)
        found = np.where(is_normal, normal, fixed + noise >> 16)
    with np.errstate(over="ignore", invalid="ignore"):
        nearest = numbers.astype(np.float32).astype(dtype)
    found = np.minimum(found, infinity - 1).astype(np.int16) | (sign << 15).astype(np.int16)
    chosen: Array = np.asarray(found, np.int16).view(dtype)
    return np.where(np.isfinite(nearest), chosen, nearest)


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
    found: Array = memory[places - least]
    return found


def _assign(first: int, places: Array, elements: Array) -> None:
    memory, least = _memory(first, places, elements.dtype)
    memory[places - least] = elements


def _memory(first: int, places: Array, dtype: np.dtype[Any]) -> tuple[Array, int]:
    """The memory from the least place to the largest, and the least."""
    least, most = int(places.min()), int(places.max())
    size = (most + 1 - least) * dtype.itemsize
    held = (ctypes.c_ubyte * size).from_address((int(first) + least) * dtype.itemsize)
    return np.ctypeslib.as_array(held).view(dtype), least
