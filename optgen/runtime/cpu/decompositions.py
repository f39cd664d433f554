"""Decompositions of square matrices by LAPACK, in float64; NaN where it finds none.

Each function takes a batch of matrices, and the array that its results belong in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from optgen.runtime.arrays import Array
from optgen.runtime.matrix_calls import EIGENVECTORS, INVERSE_ROOT, ORTHONORMAL

#: Makes a batch of results of a batch of matrices; raises LinAlgError.
Decomposition = Callable[[Array], Array]


def orthonormal(square: Array, out: Array) -> None:
    """The orthonormal factor of a square matrix times a triangular one."""
    _assign(out, lambda wide: np.linalg.qr(wide)[0], square)


def eigenvectors(square: Array, out: Array) -> None:
    """The eigenvectors of a symmetric matrix as columns, that of the smallest eigenvalue first."""
    _assign(out, lambda wide: np.linalg.eigh(wide)[1], square)


def inverse_root(square: Array, out: Array, degree: float, epsilon: float) -> None:
    """The inverse of the root of a degree, of a positive semidefinite matrix plus epsilon.

    Eigenvalues that rounding made negative count as 0.
    """

    def root(wide: Array) -> Array:
        values, vectors = np.linalg.eigh(wide)
        with np.errstate(divide="ignore"):
            scales = (np.maximum(values, 0) + epsilon) ** (-1 / degree)
        found: Array = (vectors * scales[..., None, :]) @ np.swapaxes(vectors, -1, -2)
        return found

    _assign(out, root, square)


def _assign(out: Array, decomposition: Decomposition, square: Array) -> None:
    """Assign a batch of results; one matrix without a result doesn't concern the others."""
    wide = square.astype(np.float64)
    try:
        out[...] = decomposition(wide)
    except np.linalg.LinAlgError:
        for place in np.ndindex(square.shape[:-2]):
            try:
                out[place] = decomposition(wide[place])
            except np.linalg.LinAlgError:
                out[place] = np.nan


#: The functions of squares by name.
OF_SQUARES: Mapping[str, Callable[..., None]] = {
    ORTHONORMAL: orthonormal,
    EIGENVECTORS: eigenvectors,
    INVERSE_ROOT: inverse_root,
}
