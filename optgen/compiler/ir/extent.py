"""Extents: the index set over which a value has one number each.

They form a lattice, from one number for each call to one for each element::

    call < optimizer < tensor < matrix < rows, columns < element

A variable is a matrix in the view of its rule, or a batch of matrices. The extent of an expression
is the join of its operands' extents; rows and columns join in the element. An extent decides how
often a value is computed and how it broadcasts.

Squares are matrices of other shapes: one number for each pair of rows, of columns, or of whichever
are fewer. So are matrices with a side of a rank, which a hyperparameter bounds: one number for each
row and each of the rank, and so on; the other side may be the longer one of rows and columns, too.
Both are above the matrix, and join with nothing else.
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
    RANK_BY_RANK = frozenset({"optimizer", "tensor", "matrix", "pairs of the rank"})
    ROWS_BY_RANK = frozenset({"optimizer", "tensor", "matrix", "rows by rank"})
    COLUMNS_BY_RANK = frozenset({"optimizer", "tensor", "matrix", "columns by rank"})
    SHORT_BY_RANK = frozenset({"optimizer", "tensor", "matrix", "short by rank"})
    LONG_BY_RANK = frozenset({"optimizer", "tensor", "matrix", "long by rank"})
    RANK_BY_ROWS = frozenset({"optimizer", "tensor", "matrix", "rank by rows"})
    RANK_BY_COLUMNS = frozenset({"optimizer", "tensor", "matrix", "rank by columns"})
    RANK_BY_SHORT = frozenset({"optimizer", "tensor", "matrix", "rank by short"})
    RANK_BY_LONG = frozenset({"optimizer", "tensor", "matrix", "rank by long"})

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
SQUARES = (
    Extent.ROWS_BY_ROWS,
    Extent.COLUMNS_BY_COLUMNS,
    Extent.SHORT_BY_SHORT,
    Extent.RANK_BY_RANK,
)
#: Extents of matrices that have one side of a rank: tall ones, and wide ones.
TALL = (
    Extent.ROWS_BY_RANK,
    Extent.COLUMNS_BY_RANK,
    Extent.SHORT_BY_RANK,
    Extent.LONG_BY_RANK,
)
WIDE = (
    Extent.RANK_BY_ROWS,
    Extent.RANK_BY_COLUMNS,
    Extent.RANK_BY_SHORT,
    Extent.RANK_BY_LONG,
)
#: Extents of matrices that need the rank.
OF_RANK = (Extent.RANK_BY_RANK, *TALL, *WIDE)
#: Extents of matrices whose shapes aren't the variable's.
MATRICES = (*SQUARES, *TALL, *WIDE)
#: Extents of values that passes visit one by one.
ARRAYS = (*MATRICES, Extent.ELEMENT)
#: Extents of values that are one number of a variable, or of all variables.
NUMBERS = (Extent.OPTIMIZER, Extent.TENSOR)


def join(extents: Iterable[Extent]) -> Extent:
    """The extent of a value computed from values of these extents."""
    return reduce(Extent.__or__, extents, Extent.CALL)
