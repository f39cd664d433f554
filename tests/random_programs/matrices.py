"""Variables side by side, and the matrices, rows and columns that their elements belong to.

Views are stated here by NumPy's own transposition and reshaping.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tests.random_programs.bounded import Array, Level, Rounding


def batched(array: Array, view: str) -> Array:
    """An array as a batch of matrices: of three dimensions."""
    if view == "first by rest":
        return array.reshape(1, array.shape[0], math.prod(array.shape[1:]))
    if view == "two largest":
        # Of equal ones the later; the larger one, or the later one, has the columns.
        order = sorted(range(array.ndim), key=lambda axis: (array.shape[axis], axis))
        array = array.transpose([*sorted(order[:-2]), *order[-2:]])
    return array.reshape(math.prod(array.shape[:-2]), *array.shape[-2:])


@dataclass(frozen=True)
class Part:
    """A variable in a layout; ``view`` is empty unless it is a matrix."""

    shape: tuple[int, ...]
    view: str = ""

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @cached_property
    def counts(self) -> tuple[int, int, int]:
        """The numbers of matrices, of rows and of columns of each."""
        found = batched(np.zeros(self.shape), self.view).shape if self.view else (1, self.size, 1)
        return (found[0], found[1], found[2])

    def count(self, level: Level) -> int:
        """How many values of a level there are."""
        matrices, rows, columns = self.counts
        every = {Level.MATRIX: matrices, Level.ROWS: matrices * rows}
        every |= {Level.COLUMNS: matrices * columns, Level.ELEMENT: self.size}
        return every.get(level, 1)

    @property
    def places(self) -> int:
        """Places in the layout: without elements, there may be rows or columns, and numbers."""
        return self.size or max(1, self.count(Level.ROWS), self.count(Level.COLUMNS))

    def units(self, level: Level) -> Array:
        """The number of the unit that each place belongs to, of those of a level."""
        if level <= Level.TENSOR:
            return np.zeros(self.places, np.int64)
        if level == Level.ELEMENT:
            return np.arange(self.places)
        if not self.size:
            return np.arange(self.places) % max(1, self.count(level))
        matrices, rows, columns = self.counts
        shapes = {
            Level.MATRIX: (matrices, 1, 1),
            Level.ROWS: (matrices, rows, 1),
            Level.COLUMNS: (matrices, 1, columns),
        }
        numbers = np.arange(math.prod(shapes[level])).reshape(shapes[level])
        found = np.broadcast_to(numbers, (matrices, rows, columns))
        if self.view != "two largest":
            return found.reshape(-1)
        at = batched(np.arange(self.size).reshape(self.shape), self.view)
        back = np.empty(self.size, np.int64)
        back[at.reshape(-1)] = found.reshape(-1)
        return back


class Layout:
    """Elements of all variables in one stretch."""

    def __init__(self, parts: Sequence[Part], rounding: Rounding) -> None:
        self.parts, self.rounding = parts, rounding
        ends = np.cumsum([part.places for part in parts]).tolist()
        #: Where each variable begins and ends.
        self.bounds = list(zip([0, *ends], ends, strict=False))

    @property
    def count(self) -> int:
        """The number of places of all."""
        return self.bounds[-1][1] if self.bounds else 0

    def spread(self, values: Sequence[float]) -> Array:
        """A value of each variable at all its places."""
        places = [part.places for part in self.parts]
        return np.repeat(np.asarray(values), np.asarray(places, np.int64))

    def units(self, level: Level) -> Array:
        """The unit of a level that each place belongs to, numbered over all variables."""
        if level <= Level.OPTIMIZER:
            return np.zeros(self.count, np.int64)
        found, first = [np.zeros(0, np.int64)], 0
        for part in self.parts:
            own = part.units(level)
            found.append(own + first)
            first += int(own.max()) + 1
        return np.concatenate(found)

    def terms(self, level: Level) -> Array:
        """A place for each value of a level that there is."""
        found = [np.zeros(0, np.int64)]
        for part, (first, _) in zip(self.parts, self.bounds, strict=True):
            if part.count(level):
                _, places = np.unique(part.units(level), return_index=True)
                found.append(places + first)
        return np.concatenate(found)
