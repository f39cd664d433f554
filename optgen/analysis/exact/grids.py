"""Reductions of the values of a small tensor, which is a matrix in row-major order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isqrt
from typing import Any

import mpmath
import numpy as np

from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.reduction import REDUCERS, Combination, Reducer
from optgen.compiler.ir.reserved import (
    COLUMN_COUNT,
    COLUMNS,
    DIMS,
    MATRICES,
    ROW_COUNT,
    ROWS,
    TENSOR_SIZE,
)

Array = np.ndarray[Any, np.dtype[Any]]
_AXES: Mapping[Extent, tuple[int, ...]] = {Extent.ROWS: (2,), Extent.COLUMNS: (1,)}
_COMBINED: Mapping[Combination, Callable[..., Array]] = {
    Combination.SUM: np.sum,
    Combination.LARGEST: np.max,
    Combination.SMALLEST: np.min,
}


def grid(elements: int) -> tuple[int, int]:
    """The rows and columns of a matrix with a number of elements: as square as it can be."""
    rows = next(count for count in range(isqrt(elements), 0, -1) if elements % count == 0)
    return rows, elements // rows


def widened(pair: Sequence[float]) -> tuple[float, ...]:
    """The elements of a matrix of two rows and three columns, from two; zeros stay zeros."""
    a, b = pair
    return (a, b, 3 * a, a - b, b / 2, a + b / 4)


def shape_numbers(elements: int) -> dict[str, int]:
    """The numbers of the shape of a tensor with that many elements."""
    rows, columns = grid(elements)
    dims = 2 if rows > 1 else 1
    lengths = {ROWS: rows, ROW_COUNT: rows, COLUMNS: columns, COLUMN_COUNT: columns}
    return {TENSOR_SIZE: elements, DIMS: dims, MATRICES: 1, **lengths}


def _of_arrays(reducer: Reducer) -> Callable[[Array], Array]:
    axes = _AXES.get(reducer.extent, (1, 2))

    def reduced(values: Array) -> Array:
        whole = values.reshape(len(values), *grid(values.shape[1]))
        terms = whole * whole if reducer.is_norm else whole
        found = _COMBINED[reducer.combination](terms, axis=axes, keepdims=True)
        if reducer.is_mean:
            found = found / (whole.size // found.size)
        found = np.sqrt(found) if reducer.is_norm else found
        if len(axes) > 1:
            return found.reshape(len(values), 1)
        return np.broadcast_to(found, whole.shape).reshape(values.shape)

    return reduced


#: The reductions of arrays with one row per tensor and one column per element. The result has one
#: column for each element, or a single one.
OF_ARRAYS: Mapping[str, Callable[[Array], Array]] = {
    name: _of_arrays(reducer) for name, reducer in REDUCERS.items()
}


def reduced_exactly(name: str, values: Sequence[Any]) -> tuple[Any, ...]:
    """The reduction of the elements of one tensor in multiple precision, for each element."""
    reducer, (rows, columns) = REDUCERS[name], grid(len(values))
    lines = [values[row * columns : (row + 1) * columns] for row in range(rows)]
    if reducer.extent is Extent.ROWS:
        found = [_combined(reducer, line) for line in lines]
        return tuple(one for one in found for _ in range(columns))
    if reducer.extent is Extent.COLUMNS:
        return tuple(_combined(reducer, values[place::columns]) for place in range(columns)) * rows
    return (_combined(reducer, values),) * len(values)


def _combined(reducer: Reducer, values: Sequence[Any]) -> Any:
    if any(map(mpmath.isnan, values)):
        return mpmath.nan
    if reducer.is_norm:
        return mpmath.sqrt(mpmath.fsum(one * one for one in values))
    if reducer.combination is Combination.SUM:
        return mpmath.fsum(values) / (len(values) if reducer.is_mean else 1)
    return (max if reducer.combination is Combination.LARGEST else min)(values)
