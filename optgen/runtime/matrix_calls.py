"""Functions of whole matrices, which the library that owns the arrays computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optgen.runtime.arrays import Array
from optgen.runtime.hyperparameters.declarations import always

#: A dtype of NumPy, or its name.
DType = np.dtype[Any] | str

#: The functions: a product, and that of a matrix and its transpose in the order that makes the
#: smaller matrix.
PRODUCT, GRAM = "@", "gram"
#: Of a square: an orthonormal factor, eigenvectors of a symmetric one, the inverse of its root.
ORTHONORMAL, EIGENVECTORS, INVERSE_ROOT = "orthonormal", "eigenvectors", "inverse_root"
#: The shapes of matrices: that of the variable's view, and squares.
ELEMENT, ROWS_BY_ROWS, COLUMNS_BY_COLUMNS, SHORT_BY_SHORT = (
    *("element", "rows_by_rows", "columns_by_columns", "short_by_short"),
)

SQUARES = (ROWS_BY_ROWS, COLUMNS_BY_COLUMNS, SHORT_BY_SHORT)


@dataclass(frozen=True)
class MatrixCall:
    """``target`` = ``function`` of the operands, which are names of arrays, or transposes.

    ``numbers`` are further arguments: numbers, or names of scalars of the call.
    """

    target: str
    function: str
    operands: tuple[str, ...]
    transposed: tuple[bool, ...] = (False, False)
    numbers: tuple[float | str, ...] = ()
    when: Callable[[Mapping[str, bool]], bool] = always


def multiple_of_identity(shape: tuple[int, ...], value: float, dtype: DType) -> Array:
    """What squares begin as; a batch of them, if there are three dimensions."""
    # "C": a copy of what repeats would have its elements in another order.
    return np.broadcast_to(value * np.eye(shape[-1]), shape).astype(dtype, order="C")


def form_of(shape: str, rows: int, columns: int) -> tuple[int, int]:
    """The rows and columns of a matrix of a shape, for variables of so many."""
    if shape == ELEMENT:
        return rows, columns
    sides = {ROWS_BY_ROWS: rows, COLUMNS_BY_COLUMNS: columns, SHORT_BY_SHORT: min(rows, columns)}
    return sides[shape], sides[shape]
