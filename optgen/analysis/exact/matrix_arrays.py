"""Functions of whole matrices on arrays: one row per run or tensor, one column per element."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from optgen.analysis.exact.grids import grid
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.matrix import (
    EIGENVECTORS,
    GRAM,
    INVERSE_ROOT,
    OF_RANK_MANY,
    ORTHONORMAL,
    PRODUCT,
    TRANSPOSE,
)

Array = np.ndarray[Any, np.dtype[Any]]
#: A node of a tree: an expression, or one in canonical form.
Tree = TypeVar("Tree")


def columns_of(extent: Extent, elements: int) -> int:
    """How many numbers a matrix of an extent has, for a parameter of so many elements."""
    rows, columns = grid(elements)
    squares = {Extent.ROWS_BY_ROWS: rows**2, Extent.COLUMNS_BY_COLUMNS: columns**2}
    return {**squares, Extent.SHORT_BY_SHORT: min(rows, columns) ** 2}.get(extent, elements)


@dataclass(frozen=True)
class Matrices(Generic[Tree]):
    """Values of trees with functions of matrices, for a parameter of some elements.

    ``value`` is the value of a tree, with one row for each run; ``operands`` are those of a tree.
    """

    value: Callable[[Tree], Any]
    operands: Callable[[Tree], Sequence[Tree]]
    elements: int

    def of(self, call: Tree) -> Array:
        """The value of a function of matrices in each run, with its elements in a row."""
        found = self._matrix(call)
        return found.reshape(len(found), -1)

    def _matrix(self, part: Tree) -> Array:
        """The value of an operand, as a matrix for each run."""
        function = _FUNCTIONS.get(getattr(part, "operator", ""))
        if function is None:
            return _shaped(self.value(part), self.elements)
        matrix, *others = self.operands(part)
        if function is np.matmul:
            both: Array = function(self._matrix(matrix), self._matrix(others[0]))
            return both
        return function(self._matrix(matrix), *map(self.value, others))


def _shaped(found: Any, elements: int) -> Array:
    """A matrix for each run; a number of a run is that of all elements."""
    rows, columns = grid(elements)
    values: Array = np.atleast_2d(found)
    if values.shape[1] == 1 and rows > 1:
        values = np.broadcast_to(values, (len(values), elements))
    count = values.shape[1]
    side = next((one for one in (rows, columns) if one * one == count), 0)
    return values.reshape(len(values), *((rows, columns) if count == elements else (side, side)))


def _gram(found: Array) -> Array:
    turned = np.swapaxes(found, 1, 2)
    product: Array = found @ turned if found.shape[1] <= found.shape[2] else turned @ found
    return product


def _of_finite(function: Callable[..., Array]) -> Callable[..., Array]:
    """The function of matrices without NaN and infinities, which libraries refuse."""

    def applied(square: Array, *numbers: Any) -> Array:
        finite = np.isfinite(square).all(axis=(1, 2), keepdims=True)
        return np.where(finite, function(np.where(finite, square, 0.0), *numbers), np.nan)

    return applied


def _inverse_root(square: Array, degree: Any, added: Any) -> Array:
    values, vectors = np.linalg.eigh(square)
    scales = (np.maximum(values, 0) + added) ** (-1 / np.asarray(degree))
    found: Array = (vectors * scales[:, None, :]) @ np.swapaxes(vectors, 1, 2)
    return found


def _of_rank(*_: Any) -> Array:
    raise ValueError("the rank of a matrix isn't known in runs")


_FUNCTIONS: Mapping[str, Callable[..., Array]] = {
    PRODUCT: np.matmul,
    TRANSPOSE: lambda found: np.swapaxes(found, 1, 2),
    GRAM: _gram,
    ORTHONORMAL: _of_finite(lambda square: np.linalg.qr(square)[0]),
    EIGENVECTORS: _of_finite(lambda square: np.linalg.eigh(square)[1]),
    INVERSE_ROOT: _of_finite(_inverse_root),
    **dict.fromkeys(OF_RANK_MANY, _of_rank),
}
