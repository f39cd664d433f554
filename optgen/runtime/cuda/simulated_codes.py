"""Blocks with codes in the memory of a simulated device.

Its threads don't exchange numbers: each leaves those that it stores, and the last one that has
some of a block encodes all. A start is the first element, the address of the blocks, the place of
the first element in the whole variable, and the key of noise.
"""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np

from optgen.runtime.codes import BLOCK, LEAST_UNIT, ONE, Code, packed
from optgen.runtime.cpu.dither import FACTORS, LAST_SHIFT, MIXERS, STEP

Array = np.ndarray[Any, np.dtype[Any]]
_WORD = 1 << 64
_left: dict[int, tuple[Array, Array]] = {}
_one_at_a_time = threading.Lock()


def read(start: tuple[int, ...], places: Array, code: Code) -> Array:
    """The numbers at some places of a stretch."""
    elements = start[0] + places
    first = int(elements[0]) // BLOCK
    count = int(elements[-1]) // BLOCK + 1 - first
    numbers = code.decoded(_blocks(start, first, count, code), count * BLOCK)
    found: Array = numbers[elements - first * BLOCK]
    return found


def write(
    start: tuple[int, ...], places: Array, numbers: Array, count: int | None, code: Code
) -> None:
    """Leave numbers at some places; encode those of a block with the last ones that it has.

    The stretch ends before ``count``, or with a block.
    """
    elements = start[0] + places
    number = int(elements[0]) // BLOCK
    assert elements[-1] // BLOCK == number, "a vector has elements of several blocks"
    begin = number * BLOCK - start[0]
    expected = BLOCK if count is None else min(BLOCK, count - begin)
    block = _blocks(start, number, 1, code)
    with _one_at_a_time:
        held, is_left = _left.setdefault(
            block.ctypes.data, (np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.bool_))
        )
        held[places - begin] = numbers
        is_left[places - begin] = True
        if is_left.sum() == expected:
            del _left[block.ctypes.data]
            _encode(block, held, _noise(start[3], start[2] + begin, code), code)


def _blocks(start: tuple[int, ...], first: int, count: int, code: Code) -> Array:
    size = code.dtype.itemsize
    memory = (ctypes.c_ubyte * (size * count)).from_address(start[1] + first * size)
    return np.ctypeslib.as_array(memory).view(code.dtype)


def _noise(key: int, place: int, code: Code) -> Array:
    """The noise of the elements of a block, below a step."""
    mixed = (key + place * STEP) % _WORD
    for shift, mixer in MIXERS:
        mixed = (mixed ^ mixed >> shift) * mixer % _WORD
    mixed ^= mixed >> LAST_SHIFT
    factor, summand = mixed % 2**32 | 1, mixed >> 32
    hashed = np.array([(factor * one + summand) % 2**32 for one in FACTORS], np.uint32)
    return hashed >> np.uint32(32 - code.shift)


def _encode(block: Array, numbers: Array, noise: Array, code: Code) -> None:
    bits = numbers.view(np.uint32)
    size = bits & np.uint32(0x7FFFFFFF)
    unit = size.max().view(np.float32) * np.float32(code.inverse)
    unit = np.float32(LEAST_UNIT) if unit < LEAST_UNIT else unit
    relative = size.view(np.float32) * (np.float32(1) / unit)
    above = (relative + np.float32(1)).view(np.uint32) + noise
    codes = (above >> np.uint32(code.shift)) - np.uint32(ONE >> code.shift)
    if code.is_signed:
        codes |= bits >> np.uint32(31) << np.uint32(code.bits - 1)
    else:
        codes = np.maximum(codes, np.minimum(size, np.uint32(1)))
    block["unit"] = unit + (unit - unit)
    block[code.name] = packed(codes.astype(np.uint8)[None], code.bits)
