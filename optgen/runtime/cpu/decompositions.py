"""Decompositions of square matrices by LAPACK, in float64; NaN where it finds none.

Each function takes a batch of matrices, and the array that its results belong in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from optgen.runtime.arrays import Array
from optgen.runtime.matrix_calls import EIGENVECTORS, INVERSE_ROOT, ORTHONORMAL


def orthonormal(square: Array, out: Array) -> None:
    """The orthonormal factor of a square matrix times a triangular one."""
    try:
        out[...] = np.linalg.qr(square.astype(np.float64))[0]
    except np.linalg.LinAlgError:
        out[...] = np.nan


def eigenvectors(square: Array, out: Array) -> None:
    """The eigenvectors of a symmetric matrix as columns, that of the smallest eigenvalue first."""
    try:
        out[...] = np.linalg.eigh(square.astype(np.float64))[1]
    except np.linalg.LinAlgError:
        out[...] = np.nan


def inverse_root(square: Array, out: Array, degree: float, epsilon: float) -> None:
    """The inverse of the root of a degree, of a positive semidefinite matrix plus epsilon.

    Eigenvalues that rounding made negative count as 0.
    """
    try:
        values, vectors = np.linalg.eigh(square.astype(np.float64))
    except np.linalg.LinAlgError:
        out[...] = np.nan
        return
    with np.errstate(divide="ignore"):
        scales = (np.maximum(values, 0) + epsilon) ** (-1 / degree)
    out[...] = (vectors * scales[..., None, :]) @ np.swapaxes(vectors, -1, -2)


#: The functions of squares by name.
OF_SQUARES: Mapping[str, Callable[..., None]] = {
    ORTHONORMAL: orthonormal,
    EIGENVECTORS: eigenvectors,
    INVERSE_ROOT: inverse_root,
}
