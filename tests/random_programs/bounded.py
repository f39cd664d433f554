"""Numbers with a bound on what rounding may do to them: a running error analysis.

Each number is what real arithmetic makes of the inputs, in NumPy's longest format, with a bound on
how far a result that was rounded at every operation may be from it. Operations on inputs that are
known exactly have IEEE's results, NaN and infinities among them; where rounding could decide
between two results that are far apart, the bound covers both; an infinite bound says that nothing
is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
LONG = np.longdouble
#: What the analysis itself loses at each operation.
OWN_UNIT = float(np.finfo(LONG).eps)


class Level(IntFlag):
    """What a value depends on, and so how many there are, and in which format it is computed.

    Of two values, what is computed has the level of both together: rows and columns are elements.
    """

    #: Hyperparameters and counters: float64, as is all that isn't of elements.
    HOST = 0
    #: Sums over all variables.
    OPTIMIZER = 0b1
    #: Sums over a variable.
    TENSOR = 0b11
    #: One for each matrix of a batch.
    MATRIX = 0b111
    #: One for each row of each matrix.
    ROWS = 0b1111
    #: One for each column of each matrix.
    COLUMNS = 0b10111
    #: Elements: the parameter's format.
    ELEMENT = 0b11111


#: Levels of which a matrix has several.
VECTORS = (Level.MATRIX, Level.ROWS, Level.COLUMNS)


@dataclass(frozen=True)
class Number:
    """A number for each element: ``value`` is off by ``error`` at most."""

    value: Array
    error: Array
    level: Level

    @property
    def known(self) -> Array:
        """Where anything is known of it."""
        return np.isfinite(self.error)


@dataclass(frozen=True)
class Truth:
    """A condition for each element, and whether rounding can't decide it otherwise."""

    value: Array
    sure: Array
    level: Level


@dataclass(frozen=True)
class Format:
    """The rounding of each element: relative, and the ends of the range of normal numbers."""

    unit: Array
    smallest: Array
    largest: Array
    is_single: Array

    @classmethod
    def of(cls, dtypes: list[Any]) -> Format:
        """The format of elements of these dtypes."""
        found = [np.finfo(dtype) for dtype in dtypes]
        return cls(
            np.array([f.eps / 2 for f in found], LONG),
            np.array([f.smallest_normal for f in found], LONG),
            np.array([f.max for f in found], LONG),
            np.array([np.dtype(dtype) == np.float32 for dtype in dtypes], np.bool_),
        )

    def holds(self, value: Array) -> Array:
        """Which values are numbers of the format."""
        single, double = value.astype(np.float32), value.astype(np.float64)
        exact = np.where(self.is_single, single == value, double == value)
        return np.asarray(exact & ((abs(value) >= self.smallest) | (value == 0)))


def single(value: float, count: int) -> Number:
    """A number of the host, known exactly."""
    return Number(np.full(count, value, LONG), np.zeros(count, LONG), Level.HOST)


def exact(values: Array, level: Level = Level.ELEMENT) -> Number:
    """Numbers that are known exactly."""
    return Number(values.astype(LONG), np.zeros(len(values), LONG), level)


class Rounding:
    """Rounds results: of elements in their own format, of the host in float64."""

    def __init__(
        self, elements: Format, *, wide_host: bool = True, wide_numbers: bool = True
    ) -> None:
        wide = Format.of([np.float64] * len(elements.unit))
        # Of two formats that may be meant, the shorter one.
        self._formats = {
            level: wide if (wide_numbers if level else wide_host) else elements
            for level in Level.__members__.values()
        } | {Level.ELEMENT: elements}
        self._vague = {
            level
            for level, found in self._formats.items()
            if found is elements and level != Level.ELEMENT
        }

    def __call__(
        self, value: Array, error: Array, level: Level, units: float | Array = 1
    ) -> Number:
        """A result with the error that its operands bring, after ``units`` more roundings."""
        found = self._formats[level]
        size = abs(value)
        new = error + (units * found.unit + 4 * OWN_UNIT) * (size + error)
        new = new + np.where(size - error < found.smallest, found.smallest, 0)
        fits = (error == 0) & (units == 1) & found.holds(value)
        new = np.where(fits | (~np.isfinite(value) & (error == 0)), error, new)
        # Infinite for certain, perhaps, or not.
        over = np.isfinite(value) & (size - new > found.largest)
        near = np.isfinite(value) & (size + new > found.largest) & ~over
        if level in self._vague:
            over, near = np.zeros_like(over), over | near
        value = np.where(over, np.copysign(LONG(np.inf), value), value)
        new = np.where(over, 0, np.where(near | np.isnan(new), np.inf, new))
        return Number(value, new, level)

    def at(self, number: Number, level: Level) -> Number:
        """A number as operations of a higher level take it."""
        if number.level | level == number.level:
            return number
        level |= number.level
        return self(number.value, number.error, level)

    def settled(self, value: Array, error: Array, level: Level, definite: Array) -> Number:
        """A result that may be NaN or infinite, which is ``definite`` or not known at all."""
        special = np.where(definite, 0, np.inf)
        error = np.where(np.isfinite(value), error, special)
        return self(value, np.where(np.isnan(error), np.inf, error), level)
