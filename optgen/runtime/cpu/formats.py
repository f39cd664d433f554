"""Floating-point formats: bit layouts, and the number of series terms for full precision."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

_LOG_2 = Fraction("0.69314718055994530941723212145817656807550013436026")
_PI = Fraction("3.14159265358979323846264338327950288419716939937511")


@dataclass(frozen=True)
class Format:
    """A format, and how many terms of a series of each function it needs."""

    real: type
    #: Bits of the fraction.
    fraction: int
    exponential: int
    logarithm: int
    angle: int
    #: Hyperbolic tangents of larger numbers are 1.
    saturation: float

    @property
    def integer(self) -> ir.IntType:
        """The integers of the same size."""
        return ir.IntType(8 * np.dtype(self.real).itemsize)

    def constant(self, value: int) -> ir.Constant:
        """One of these integers."""
        return ir.Constant(self.integer, value)

    def bits(self, value: float) -> int:
        """A number as an integer of the same size."""
        return int(np.array(value, self.real).view(f"i{np.dtype(self.real).itemsize}"))

    def numbers(self, *values: float) -> Any:
        """Numbers in this format."""
        return [self.real(value) for value in values]

    @property
    def whole(self) -> float:
        """Added to a number, it leaves the nearest integer in the lowest bits of the fraction."""
        return 1.5 * 2.0**self.fraction

    @property
    def log_2(self) -> tuple[float, float]:
        """A part so short that its product with an exponent is exact, and the rest."""
        exponent = self.bits(1.0).bit_length() - self.fraction + 1
        unit = Fraction(2) ** (exponent - self.fraction)
        high = _LOG_2 // unit * unit
        return float(high), float(_LOG_2 - high)

    @property
    def half_circle(self) -> tuple[float, float]:
        """The nearest number to pi, and the rest."""
        high = Fraction(float(self.real(math.pi)))
        return float(high), float(_PI - high)

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest normal number."""
        found = np.finfo(self.real)
        return float(found.smallest_normal), float(found.max)

    @property
    def range_of_exp(self) -> tuple[float, float]:
        """Outside of it, exponentials are zero and infinite."""
        least, most = self.range
        return math.log(least), math.log(most)


FORMATS = {
    types.float32: Format(np.float32, 23, 8, 5, 11, 10.0),
    types.float64: Format(np.float64, 52, 15, 11, 22, 20.0),
}
