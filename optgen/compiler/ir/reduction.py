"""The reductions of the language: over rows, columns, a variable, or all variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from optgen.compiler.ir.extent import Extent


class Combination(Enum):
    """How two partial results become one."""

    SUM = "sum"
    LARGEST = "largest"
    SMALLEST = "smallest"

    @property
    def order(self) -> int:
        """1 for the largest, -1 for the smallest, 0 for a sum, as generated code passes it on."""
        return {"sum": 0, "largest": 1, "smallest": -1}[self.value]


@dataclass(frozen=True)
class Reducer:
    """A function that reduces values to one for each unit of an ``extent``.

    A mean divides the sum by the number of terms. A norm is the root of the sum of squares.
    """

    name: str
    extent: Extent
    combination: Combination = Combination.SUM
    is_mean: bool = False
    is_norm: bool = False


def _of(extent: Extent, prefix: str) -> tuple[Reducer, ...]:
    return (
        Reducer(f"{prefix}sum", extent),
        Reducer(f"{prefix}mean", extent, is_mean=True),
        Reducer(f"{prefix}norm", extent, is_norm=True),
        Reducer(f"{prefix}largest", extent, Combination.LARGEST),
        Reducer(f"{prefix}smallest", extent, Combination.SMALLEST),
    )


_ALL = (
    *_of(Extent.TENSOR, ""),
    *_of(Extent.ROWS, "row_"),
    *_of(Extent.COLUMNS, "column_"),
    Reducer("global_sum", Extent.OPTIMIZER),
    Reducer("global_norm", Extent.OPTIMIZER, is_norm=True),
)
#: All reductions by name.
REDUCERS: Mapping[str, Reducer] = {one.name: one for one in _ALL}
#: Those that need the view of a variable as a matrix.
AXIS_REDUCTIONS = frozenset(
    name for name, one in REDUCERS.items() if one.extent in (Extent.ROWS, Extent.COLUMNS)
)
