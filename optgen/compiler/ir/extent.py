"""Extents: the index set over which a value has one number each.

They form a lattice, from one number for each call to one for each element::

    call < optimizer < tensor < matrix < rows, columns < element

A variable is a matrix in the view of its rule, or a batch of matrices. The extent of an expression
is the join of its operands' extents; rows and columns join in the element. An extent decides how
often a value is computed and how it broadcasts.

Squares are matrices of other shapes: one number for each pair of rows, of columns, or of whichever
are fewer. They are above the matrix, and join with nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import reduce


class Extent(Enum):
    """The unit that one value belongs to; each extent lists those that it varies over."""

    CALL = frozenset[str]()
    OPTIMIZER = frozenset({"optimizer"})
    TENSOR = frozenset({"optimizer", "tensor"})
    MATRIX = frozenset({"optimizer", "tensor", "matrix"})
    ROWS = frozenset({"optimizer", "tensor", "matrix", "rows"})
    COLUMNS = frozenset({"optimizer", "tensor", "matrix", "columns"})
    ELEMENT = frozenset({"optimizer", "tensor", "matrix", "rows", "columns"})
    ROWS_BY_ROWS = frozenset({"optimizer", "tensor", "matrix", "pairs of rows"})
    COLUMNS_BY_COLUMNS = frozenset({"optimizer", "tensor", "matrix", "pairs of columns"})
    SHORT_BY_SHORT = frozenset({"optimizer", "tensor", "matrix", "pairs of the fewer"})

    @classmethod
    def _missing_(cls, value: object) -> Extent:
        """What has no join, which a check reports, counts as elements."""
        return cls.ELEMENT

    def __le__(self, other: Extent) -> bool:
        return self.value <= other.value

    def __lt__(self, other: Extent) -> bool:
        return self.value < other.value

    def __or__(self, other: Extent) -> Extent:
        """The smallest extent that both broadcast to."""
        return Extent(self.value | other.value)


#: Extents of values that are vectors: one number for each row, column or matrix of a variable.
VECTORS = (Extent.MATRIX, Extent.ROWS, Extent.COLUMNS)
#: Extents of values that are square matrices.
SQUARES = (Extent.ROWS_BY_ROWS, Extent.COLUMNS_BY_COLUMNS, Extent.SHORT_BY_SHORT)
#: Extents of values that passes visit one by one.
ARRAYS = (*SQUARES, Extent.ELEMENT)
#: Extents of values that are one number of a variable, or of all variables.
NUMBERS = (Extent.OPTIMIZER, Extent.TENSOR)


def join(extents: Iterable[Extent]) -> Extent:
    """The extent of a value computed from values of these extents."""
    return reduce(Extent.__or__, extents, Extent.CALL)
