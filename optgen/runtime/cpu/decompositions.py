"""Decompositions and reductions of matrices by LAPACK and NumPy, in float64; NaN for none.

Each function takes a batch of matrices, and the array that its results belong in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, wraps

import numpy as np

from optgen.runtime.arrays import Array
from optgen.runtime.matrix_calls import (
    EIGENVECTORS,
    INVERSE_ROOT,
    LARGEST_ROWS,
    ORTHONORMAL,
    SINGULAR_VECTORS,
)


def _of_each(decompose: Callable[..., None]) -> Callable[..., None]:
    """A function of a batch, in float64, whose matrices without a decomposition become NaN."""

    @wraps(decompose)
    def run(matrices: Array, out: Array, *numbers: float) -> None:
        wide = matrices.astype(np.float64)
        # LAPACK finds finite eigenvectors of NaN.
        finite = np.isfinite(wide).all((-2, -1))
        wide[~finite] = 0
        try:
            decompose(wide, out, *numbers)
        except np.linalg.LinAlgError:
            for place in np.ndindex(*wide.shape[:-2]):
                try:
                    decompose(wide[place], out[place], *numbers)
                except np.linalg.LinAlgError:
                    out[place] = np.nan
        out[~finite] = np.nan

    return run


@_of_each
def orthonormal(matrices: Array, out: Array) -> None:
    """The orthonormal factor of a square or tall matrix times a triangular one."""
    out[...] = np.linalg.qr(matrices)[0]


@_of_each
def singular_vectors(matrices: Array, out: Array) -> None:
    """The left singular vectors as columns, that of the largest singular value first.

    The matrix itself is decomposed: the product with its transpose has the squares of its singular
    values, of which those below the root of the precision times the largest are lost. Of a wide
    one, it is as exact and much faster to take an orthonormal factor off the right first. The
    largest entry of each vector is positive, so that results don't depend on the library.
    """
    if matrices.shape[-2] < matrices.shape[-1]:
        matrices = np.swapaxes(np.linalg.qr(np.swapaxes(matrices, -1, -2), mode="r"), -1, -2)
    found = np.linalg.svd(matrices, full_matrices=False)[0]
    found = found[..., : out.shape[-1]]
    largest = np.argmax(np.abs(found), axis=-2, keepdims=True)
    out[...] = np.where(np.take_along_axis(found, largest, axis=-2) < 0, -found, found)


@_of_each
def largest_rows(matrices: Array, out: Array) -> None:
    """For each of the rows with the largest sums of magnitudes, a column with 1 at its place.

    The largest is the first column; of equal rows, the first one.
    """
    sums = np.abs(matrices).sum(-1)
    places = np.argsort(-sums, axis=-1, kind="stable")[..., : out.shape[-1]]
    out[...] = 0
    np.put_along_axis(out, places[..., None, :], 1, axis=-2)


@_of_each
def eigenvectors(squares: Array, out: Array) -> None:
    """The eigenvectors of a symmetric matrix as columns, that of the smallest eigenvalue first."""
    out[...] = np.linalg.eigh(squares)[1]


@_of_each
def inverse_root(squares: Array, out: Array, degree: float, shift: float) -> None:
    """The inverse of the root of a degree, of a positive semidefinite matrix after a shift.

    Eigenvalues that rounding made negative count as 0.
    """
    values, vectors = np.linalg.eigh(squares)
    with np.errstate(divide="ignore"):
        scales = (np.maximum(values, 0) + shift) ** (-1 / degree)
    out[...] = (vectors * scales[..., None, :]) @ np.swapaxes(vectors, -1, -2)


def _along(matrices: Array, out: Array, *, reduce: Callable[..., Array], axis: int) -> None:
    """One number for each row or column of a matrix, the same in all that broadcasts to it."""
    out[...] = reduce(matrices.astype(np.float64), axis=axis, keepdims=True)


_REDUCERS: Mapping[str, Callable[..., Array]] = {
    "sum": np.sum,
    "mean": np.mean,
    "norm": np.linalg.norm,
    "largest": np.max,
    "smallest": np.min,
}
#: The functions of one matrix by name.
OF_MATRIX: Mapping[str, Callable[..., None]] = {
    ORTHONORMAL: orthonormal,
    EIGENVECTORS: eigenvectors,
    INVERSE_ROOT: inverse_root,
    SINGULAR_VECTORS: singular_vectors,
    LARGEST_ROWS: largest_rows,
    **{
        f"{of}_{name}": partial(_along, reduce=reduce, axis=axis)
        for of, axis in (("row", -1), ("column", -2))
        for name, reduce in _REDUCERS.items()
    },
}
