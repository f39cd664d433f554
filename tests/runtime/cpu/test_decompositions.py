"""Decompositions of squares beside their definitions, and SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg

from optgen.runtime.cpu.decompositions import eigenvectors, inverse_root, orthonormal

Array = np.ndarray[Any, np.dtype[Any]]


def squares(*shape: int) -> Array:
    return np.random.default_rng(11).normal(size=shape)


def semidefinite(count: int, size: int, rank: int) -> Array:
    """Products of matrices with themselves, of this rank."""
    parts = squares(count, size, rank)
    return parts @ np.swapaxes(parts, -1, -2)


def made(function: Any, square: Array, *numbers: float) -> Array:
    out = np.empty_like(square)
    function(square, out, *numbers)
    return out


def test_an_orthonormal_factor_spans_the_same_columns() -> None:
    square = squares(3, 5, 5)
    found = made(orthonormal, square)
    triangle = np.swapaxes(found, -1, -2) @ square
    np.testing.assert_allclose(np.tril(triangle, -1), 0, atol=1e-13)
    np.testing.assert_allclose(found @ triangle, square, atol=1e-13)
    np.testing.assert_allclose(np.swapaxes(found, -1, -2) @ found, [np.eye(5)] * 3, atol=1e-13)


def test_an_orthonormal_factor_of_what_has_too_few_dimensions() -> None:
    for square in (np.zeros((4, 4)), semidefinite(1, 4, 2)[0]):
        found = made(orthonormal, square)
        np.testing.assert_allclose(found.T @ found, np.eye(4), atol=1e-13)


def test_eigenvectors_are_in_the_order_of_their_values() -> None:
    square = semidefinite(2, 6, 6)
    found = made(eigenvectors, square)
    for vectors, matrix in zip(found, square, strict=True):
        along = vectors.T @ matrix @ vectors
        np.testing.assert_allclose(np.diag(along), scipy.linalg.eigvalsh(matrix), rtol=1e-9)
        np.testing.assert_allclose(along - np.diag(np.diag(along)), 0, atol=1e-12)
    # Those of the negative have the other order, which rules use for the largest first.
    turned = made(eigenvectors, -square)[:, :, ::-1]
    np.testing.assert_allclose(abs(np.sum(turned * found, axis=1)), 1, rtol=1e-10)


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_an_inverse_root(degree: float) -> None:
    square = semidefinite(2, 5, 5)
    found = made(inverse_root, square, degree, 0.01)
    for root, matrix in zip(found, square, strict=True):
        added = matrix + 0.01 * np.eye(5)
        wanted = scipy.linalg.fractional_matrix_power(added, -1 / degree)
        np.testing.assert_allclose(root, wanted, rtol=1e-9, atol=1e-9)


def test_an_inverse_root_of_eigenvalues_that_rounding_made_negative() -> None:
    square = semidefinite(1, 8, 2)[0]
    square -= 1e-12 * np.eye(8)
    found = made(inverse_root, square, 2, 1e-6)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.linalg.norm(found, 2), 1e3, rtol=1e-6)


def test_in_float32_only_the_result_is_rounded() -> None:
    square = semidefinite(1, 6, 6)[0].astype(np.float32)
    wide = made(inverse_root, square.astype(np.float64), 4, 1e-8)
    np.testing.assert_array_equal(made(inverse_root, square, 4, 1e-8), wide.astype(np.float32))


EACH = [(orthonormal, ()), (eigenvectors, ()), (inverse_root, (4.0, 1e-6))]


@pytest.mark.parametrize(("function", "numbers"), EACH)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_has_no_decomposition(
    function: Any, numbers: tuple[float, ...], bad: float
) -> None:
    square = semidefinite(3, 4, 4)
    wanted = made(function, square, *numbers)
    square[1, 0, 2] = bad
    found = made(function, square, *numbers)
    assert np.isnan(found[1]).all()
    # Matrices of other variables may be in the same batch.
    np.testing.assert_array_equal(found[[0, 2]], wanted[[0, 2]])


def test_a_matrix_that_lapack_gives_up_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    square = semidefinite(3, 4, 4)
    wanted, difficult, eigh = made(eigenvectors, square), square[1].copy(), np.linalg.eigh

    def refusing(matrix: Array) -> Any:
        if (matrix == difficult).all((-2, -1)).any():
            raise np.linalg.LinAlgError("Eigenvalues did not converge")
        return eigh(matrix)

    monkeypatch.setattr(np.linalg, "eigh", refusing)
    found = made(eigenvectors, square)
    assert np.isnan(found[1]).all()
    np.testing.assert_array_equal(found[[0, 2]], wanted[[0, 2]])
