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
#: The singular vectors of the largest singular values.
SINGULAR_VECTORS = "singular_vectors"
#: Of each of the largest rows, a column with 1 at its place and 0 elsewhere.
LARGEST_ROWS = "largest_rows"
#: The shape of matrices that is the variable's own. Others are named by their sides: of rows and
#: of columns, of the shorter and the longer one of these, and of the rank.
ELEMENT = "element"
_BY = "_by_"


@dataclass(frozen=True)
class MatrixCall:
    """``target`` = ``function`` of the operands, which are names of arrays, or transposes.

    ``numbers`` are further arguments: numbers, or names of scalars of the call. A product of three
    operands is ``number 0*(operand 0 @ operand 1) + number 1*operand 2``.
    """

    target: str
    function: str
    operands: tuple[str, ...]
    transposed: tuple[bool, ...] = (False, False)
    numbers: tuple[float | str, ...] = ()
    when: Callable[[Mapping[str, bool]], bool] = always
    #: Whether products make it and nothing but products reads it.
    is_inner: bool = False


def multiple_of_identity(shape: tuple[int, ...], value: float, dtype: DType) -> Array:
    """What matrices begin as; a batch of them, if there are three dimensions."""
    *_, rows, columns = shape
    # "C": a copy of what repeats would have its elements in another order.
    return np.broadcast_to(value * np.eye(rows, columns), shape).astype(dtype, order="C")


def is_matrix(shape: str) -> bool:
    """Whether a state of a shape is a matrix, but not of the variable's own shape."""
    return _BY in shape


def is_by_length(shape: str) -> bool:
    """Whether a side of a shape is the shorter or the longer one of a variable's."""
    return "short" in shape or "long" in shape


def form_of(shape: str, rows: int, columns: int, rank: int) -> tuple[int, int]:
    """The rows and columns of a matrix of a shape, for variables of so many.

    The rank of a matrix is at most its shorter side.
    """
    short, long = sorted((rows, columns))
    sides = {"rows": rows, "columns": columns, "short": short, "long": long}
    sides["rank"] = min(rank, short)
    first, second = ("rows", "columns") if shape == ELEMENT else shape.split(_BY)
    return sides[first], sides[second]
