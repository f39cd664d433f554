"""Decompositions of square matrices by LAPACK, in float64; NaN where it finds none.

Each function takes a batch of matrices, and the array that its results belong in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from optgen.runtime.arrays import Array
from optgen.runtime.matrix_calls import EIGENVECTORS, INVERSE_ROOT, ORTHONORMAL


def _orthonormal(square: Array) -> Array:
    return np.linalg.qr(square)[0]


def _eigenvectors(square: Array) -> Array:
    return np.linalg.eigh(square)[1]


def _inverse_root(square: Array, degree: float, added: float) -> Array:
    values, vectors = np.linalg.eigh(square)
    with np.errstate(divide="ignore"):
        scales = (np.maximum(values, 0) + added) ** (-1 / degree)
    root: Array = (vectors * scales[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    return root


def orthonormal(square: Array, out: Array) -> None:
    """The orthonormal factor of a square matrix times a triangular one."""
    _decompose(_orthonormal, square, out)


def eigenvectors(square: Array, out: Array) -> None:
    """The eigenvectors of a symmetric matrix as columns, that of the smallest eigenvalue first."""
    _decompose(_eigenvectors, square, out)


def inverse_root(square: Array, out: Array, degree: float, added: float) -> None:
    """The inverse of the root of a degree, of a positive semidefinite matrix.

    A number is ``added`` to its eigenvalues; those that rounding made negative count as 0.
    """
    _decompose(_inverse_root, square, out, degree, added)


def _decompose(function: Callable[..., Array], square: Array, out: Array, *numbers: float) -> None:
    """Decompose each matrix; one that can't be leaves the others as they are."""
    wide = square.astype(np.float64)
    # LAPACK finds finite eigenvectors of NaN.
    finite = np.isfinite(wide).all((-2, -1))
    wide[~finite] = 0
    try:
        out[...] = function(wide, *numbers)
    except np.linalg.LinAlgError:
        if wide.ndim > 2:
            for matrix, result in zip(square, out, strict=True):
                _decompose(function, matrix, result, *numbers)
            return
        out[...] = np.nan
    out[~finite] = np.nan


#: The functions of squares by name.
OF_SQUARES: Mapping[str, Callable[..., None]] = {
    ORTHONORMAL: orthonormal,
    EIGENVECTORS: eigenvectors,
    INVERSE_ROOT: inverse_root,
}
