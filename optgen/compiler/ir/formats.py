"""Formats of stored numbers: what a buffer keeps of a value that a step computes.

One table, from which analyses of storage derive all their numbers. A float is rounded relative to
itself; a code is rounded relative to the largest magnitude of its block, which has one scale.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

#: The number of elements with one scale, and the bits of a scale.
BLOCK, SCALE_BITS = 64, 32
#: The elements of a block that statements are about: at least so large, relative to the largest.
LEAST_OF_BLOCK = Fraction(1, 10)


@dataclass(frozen=True)
class Floating:
    """Binary floats, with as many significant digits."""

    name: str
    bits: int
    digits: int
    #: The smallest positive number that kernels keep, and the largest number.
    smallest: float
    largest: float

    @property
    def width(self) -> Fraction:
        """Bytes for each element."""
        return Fraction(self.bits, 8)

    @property
    def unit(self) -> Fraction:
        """The unit roundoff: the largest relative error of a rounding to nearest."""
        return Fraction(1, 2**self.digits)

    @property
    def halves(self) -> tuple[Fraction, Fraction]:
        """Half a step to the next number, relative to the number: the least and the most."""
        return self.unit / 2, self.unit

    def nearest(self, value: float) -> float:
        """The nearest number, ties to even; one below the smallest is rounded to it or to 0."""
        if not math.isfinite(value) or value == 0:
            return value
        units, exponent = self._units(value)
        return self._within(math.ldexp(round(units), exponent), value)

    def drawn(self, value: float, draw: float) -> float:
        """One of both neighbours by a draw from 0 to 1, so that the mean is the value."""
        if not math.isfinite(value) or value == 0:
            return value
        units, exponent = self._units(value)
        below = math.floor(units)
        return self._within(math.ldexp(below + (draw < units - below), exponent), value)

    def _units(self, value: float) -> tuple[float, int]:
        """A value in units in its last place, and the exponent of the unit."""
        exponent = max(math.frexp(value)[1] - self.digits, self._last)
        return math.ldexp(value, -exponent), exponent

    def _within(self, rounded: float, value: float) -> float:
        if abs(rounded) < self.smallest:
            return math.copysign(0.0, value)
        return rounded if abs(rounded) <= self.largest else math.copysign(math.inf, value)

    @property
    def _last(self) -> int:
        """The exponent of the distance of the smallest numbers."""
        lowest = math.frexp(self.smallest)[1] - 1
        # Without denormal numbers the smallest one has all digits.
        return lowest if self.has_denormals else lowest + 1 - self.digits

    @property
    def least_normal(self) -> float:
        """The smallest number with all digits."""
        return self.smallest * 2.0 ** (self.digits - 1) if self.has_denormals else self.smallest

    @property
    def has_denormals(self) -> bool:
        """Whether kernels keep denormal numbers: those that are normal in float32."""
        return self.smallest > 2.0**-126


@dataclass(frozen=True)
class Blockwise:
    """Codes, each for a share of the largest magnitude of its block.

    Kernels choose one of both neighbours by noise from the bits of a value, its place, and the
    largest of its block.
    """

    name: str
    bits: int
    #: The magnitudes of codes relative to the largest one, in ascending order from 0 to 1.
    grid: tuple[float, ...]
    #: Whether a positive value never becomes 0.
    stays_positive: bool = False

    @property
    def width(self) -> Fraction:
        """Bytes for each element, with its part of the scale."""
        return Fraction(self.bits, 8) + Fraction(SCALE_BITS, 8 * BLOCK)

    @cached_property
    def unit(self) -> Fraction:
        """Half the largest step, relative to the largest of the block."""
        return max(half for _, half in self._steps())

    @cached_property
    def halves(self) -> tuple[Fraction, Fraction]:
        """Half a step, relative to an element of at least ``LEAST_OF_BLOCK``: least and most."""
        found = [half / place for place, half in self._steps() if place >= LEAST_OF_BLOCK]
        return min(found), max(found)

    def drawn(self, value: float, largest: float, draw: float) -> float:
        """One of both neighbours by a draw from 0 to 1, in a block with that largest magnitude.

        The mean is the value, unless a positive one stays so.
        """
        if not math.isfinite(value) or value == 0 or largest == 0:
            return value
        share = min(abs(value) / largest, 1.0)
        above = bisect_left(self.grid, share)
        below = max(above - 1, 0)
        low, high = self.grid[below], self.grid[above]
        code = above if low == high or draw < (share - low) / (high - low) else below
        if code == 0 and self.stays_positive:
            code = 1
        return math.copysign(largest * self.grid[code], value)

    def _steps(self) -> Iterator[tuple[Fraction, Fraction]]:
        """Where each step between codes begins and ends, with half its size."""
        for low, high in zip(self.grid, self.grid[1:], strict=False):
            half = (Fraction(high) - Fraction(low)) / 2
            yield from ((Fraction(low), half), (Fraction(high), half))


Format = Floating | Blockwise

#: The largest number of float16, and that of formats with float32's exponents.
_HALF, _SINGLE = 65504.0, 2.0**128
FLOAT32 = Floating("float32", 32, 24, 2.0**-126, _SINGLE * (1 - 2.0**-24))
BFLOAT16 = Floating("bfloat16", 16, 8, 2.0**-126, _SINGLE * (1 - 2.0**-8))
FLOAT16 = Floating("float16", 16, 11, 2.0**-24, _HALF)
FLOATS: Mapping[str, Floating] = {one.name: one for one in (FLOAT32, BFLOAT16, FLOAT16)}


def _companded(exponent: int, fraction: int) -> tuple[float, ...]:
    """Magnitudes ``2**e*(1 + f) - 1``, relative to the largest one: steps grow from 0 on."""
    parts = [part / 2**fraction for part in range(2**fraction)]
    found = [2.0**power * (1 + part) - 1 for power in range(2**exponent) for part in parts]
    return tuple(one / found[-1] for one in found)


#: Formats of states with either sign, which takes a bit, by the names of storages.
SIGNED: Mapping[str, Blockwise] = {
    one.name: one
    for one in (
        Blockwise("float8", 8, _companded(4, 3)),
        Blockwise("int8", 8, _companded(3, 4)),
        Blockwise("int4", 4, _companded(2, 1)),
    )
}
#: Formats of states that an invariant keeps at 0 or above, by the same names.
UNSIGNED: Mapping[str, Blockwise] = {
    one.name: one
    for one in (
        Blockwise("float8", 8, _companded(5, 3), stays_positive=True),
        Blockwise("int8", 8, _companded(4, 4), stays_positive=True),
        Blockwise("int4", 4, _companded(3, 1), stays_positive=True),
    )
}
#: The names of formats of states.
STATE_FORMATS = (*FLOATS, *SIGNED)


def state_format(name: str, *, is_unsigned: bool = False, is_coded: bool = True) -> Format:
    """The format of a state; one without codes is float32 where others have them."""
    if name in FLOATS:
        return FLOATS[name]
    if not is_coded:
        return FLOAT32
    return (UNSIGNED if is_unsigned else SIGNED)[name]
