"""What rounding means, computed slowly: the neighbours of a number, and Philox's noise."""

from __future__ import annotations

from functools import cache
from typing import Any

import ml_dtypes
import numpy as np

from optgen.runtime import philox

Array = np.ndarray[Any, Any]
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
FLOAT16 = np.dtype(np.float16)
#: The streams of buffers begin here.
FIRST = 1 << 31


def noise(places: Array, tensor: int, step: int, seed: int, draw: int) -> Array:
    """The number of 16 bits for each place, of eight in a call of Philox."""
    found = {
        int(call): philox.words(int(call), tensor, float(step), float(seed), draw)
        for call in np.unique(places // 8)
    }
    numbers = []
    for place in places.tolist():
        word = int(found[place // 8][place % 8 // 2])
        numbers.append(word >> 16 if place % 2 else word & 0xFFFF)
    return np.array(numbers, np.int64)


def code_noise(places: Array, tensor: int, step: int, seed: int, draw: int) -> Array:
    """The 32 bits of noise for the elements of the blocks that begin at these places."""
    one, other, *_ = map(int, philox.words(0, tensor, step, seed, draw))
    key, mask = one + other * 2**32, 2**64 - 1
    found = []
    for place in places.tolist():
        mixed = (key + place * 0x9E3779B97F4A7C15) & mask
        mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & mask
        mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & mask
        mixed ^= mixed >> 31
        factor, summand = mixed % 2**32 | 1, mixed >> 32
        found.append([(factor * (k * (k + 1) // 2) + summand) % 2**32 for k in range(64)])
    return np.array(found, np.uint32).reshape(-1)


def encoded(values: Array, code: Any, numbers: Array) -> Array:
    """What is left of float32 numbers in blocks with codes, of which noise rounds up as many in
    2**32 as they are parts of the way to the next one.

    ``numbers`` is the noise, 64 for each block.
    """
    padded = np.zeros(-(-values.size // 64) * 64, np.float32)
    padded[: values.size] = values
    size = np.abs(padded).reshape(-1, 64)
    units = np.maximum(size.max(1, keepdims=True) * np.float32(code.inverse), np.float32(2.0**-120))
    relative = (size * (np.float32(1) / units) + np.float32(1)).astype(np.float64)
    exponent = np.floor(np.log2(relative))
    step = 2.0**exponent / 2**code.fraction
    low = np.floor(relative / step) * step
    # A float32 has so many bits behind those of the code.
    part = np.floor((relative - low) / step * 2**code.shift)
    above = part + (numbers.reshape(-1, 64) >> (32 - code.shift)) >= 2**code.shift
    found = low + np.where(above, step, 0) - 1
    if not code.is_signed:
        found = np.where(size > 0, np.maximum(found, 2.0**-code.fraction), 0)
    result: Array = (found.astype(np.float32) * units * np.sign(padded).reshape(-1, 64)).reshape(-1)
    return result[: values.size].astype(np.float32)


@cache
def magnitudes(dtype: np.dtype[Any]) -> Array:
    """The numbers of half precision that aren't negative, as float64.

    Behind the largest number comes the one that would follow if exponents went on.
    """
    every = np.arange(0x8000, dtype=np.uint16).view(dtype)
    with np.errstate(invalid="ignore"):
        numbers = np.unique(every[np.isfinite(every)].astype(np.float64))
    return np.append(numbers, 2 * numbers[-1] - numbers[-2])


def neighbours(values: Array, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """The numbers of half precision next to finite ones: not of larger magnitude, and larger."""
    numbers = magnitudes(dtype)
    magnitude = np.abs(values.astype(np.float64))
    place = np.clip(np.searchsorted(numbers, magnitude, side="right") - 1, 0, len(numbers) - 2)
    sign = np.copysign(1.0, values)
    return sign * numbers[place], sign * numbers[place + 1]


def once(values: Array, dtype: np.dtype[Any]) -> Array:
    """Numbers rounded once to the nearest, ties to even; those of 16 bits from float64 too."""
    with np.errstate(over="ignore", invalid="ignore"):
        near = values.astype(dtype)
    if dtype.itemsize != 2 or values.dtype != np.float64:
        return near
    is_finite = np.isfinite(values)
    below, above = neighbours(np.where(is_finite, values, 0), dtype)
    middle = (below + above) / 2
    is_odd = below.astype(dtype).view(np.uint16) & 1
    is_up = (np.abs(values) > np.abs(middle)) | ((values == middle) & (is_odd == 1))
    largest = magnitudes(dtype)[-2]
    found = np.where(is_up, above, below)
    found = np.where(np.abs(found) > largest, np.copysign(np.inf, values), found)
    return np.where(is_finite, found.astype(dtype), near)


def drawn(values: Array, numbers: Array, dtype: np.dtype[Any]) -> Array:
    """Float32 numbers, of which noise rounds up as many in 65536 as they are parts of the way.

    What nearest rounding makes infinite is infinite, and nothing else; NaN stays NaN.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        nearest = values.astype(dtype)
    is_finite = np.isfinite(values)
    below, above = neighbours(np.where(is_finite, values, 0), dtype)
    way = np.floor((np.where(is_finite, values, 0) - below) / (above - below) * 65536)
    largest = float(ml_dtypes.finfo(dtype).max)  # type: ignore[no-untyped-call]
    chosen = np.clip(np.where(way + numbers >= 65536, above, below), -largest, largest)
    return np.where(np.isfinite(nearest), chosen.astype(dtype), nearest)


def joined(visible: Array, rest: Array) -> Array:
    """The float32 of a bfloat16 and further bits of its magnitude."""
    bits = visible.view(np.uint16).astype(np.int64)
    added = rest.astype(np.int64) * 2 ** (16 - 8 * rest.itemsize)
    magnitude = np.maximum((bits % 0x8000) * 0x10000 + added, 0)
    found: Array = (magnitude + (bits // 0x8000) * 0x80000000).astype(np.uint32)
    return found.view(np.float32)
