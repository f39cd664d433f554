"""Extents: the index set over which a value has one number each.

They form a lattice, from one number for each call to one for each element::

    call < optimizer < tensor < rows, columns < element

The extent of an expression is the join of its operands' extents; rows and columns join in the
element. An extent decides how often a value is computed and how it broadcasts.
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
    ROWS = frozenset({"optimizer", "tensor", "rows"})
    COLUMNS = frozenset({"optimizer", "tensor", "columns"})
    ELEMENT = frozenset({"optimizer", "tensor", "rows", "columns"})

    def __le__(self, other: Extent) -> bool:
        return self.value <= other.value

    def __lt__(self, other: Extent) -> bool:
        return self.value < other.value

    def __or__(self, other: Extent) -> Extent:
        """The smallest extent that both broadcast to."""
        return Extent(self.value | other.value)


def join(extents: Iterable[Extent]) -> Extent:
    """The extent of a value computed from values of these extents."""
    return reduce(Extent.__or__, extents, Extent.CALL)
