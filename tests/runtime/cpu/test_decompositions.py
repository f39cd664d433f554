"""Decompositions of batches, of which some matrices have none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optgen.runtime.cpu.decompositions import OF_SQUARES
from optgen.runtime.matrix_calls import EIGENVECTORS, INVERSE_ROOT, ORTHONORMAL

Array = np.ndarray[Any, np.dtype[Any]]


def squares(dtype: Any = np.float64) -> Array:
    """Some symmetric matrices without negative eigenvalues."""
    factors = np.random.default_rng(2).normal(size=(3, 4, 6))
    found: Array = (factors @ factors.mT).astype(dtype)
    return found


def made(function: str, of: Array, *numbers: float) -> Array:
    out = np.empty_like(of)
    OF_SQUARES[function](of, out, *numbers)
    return out


def test_an_orthonormal_factor() -> None:
    found = made(ORTHONORMAL, squares())
    np.testing.assert_allclose(found.mT @ found, np.tile(np.eye(4), (3, 1, 1)), atol=1e-14)
    # What is left of the matrix is triangular.
    np.testing.assert_allclose(np.tril(found.mT @ squares(), -1), 0, atol=1e-13)


def test_eigenvectors_are_columns_of_ascending_eigenvalues() -> None:
    found = made(EIGENVECTORS, squares())
    turned = found.mT @ squares() @ found
    values = np.diagonal(turned, axis1=1, axis2=2)
    np.testing.assert_allclose(turned, np.eye(4) * values[:, None], atol=1e-13)
    assert (np.diff(values) > 0).all()


@pytest.mark.parametrize("degree", [1, 2, 4])
def test_an_inverse_root(degree: int) -> None:
    root = made(INVERSE_ROOT, squares(), degree, 0.5)
    power = np.linalg.matrix_power(root, degree)
    identity = power @ (squares() + 0.5 * np.eye(4))
    np.testing.assert_allclose(identity, np.tile(np.eye(4), (3, 1, 1)), atol=1e-12)


@pytest.mark.parametrize("function", OF_SQUARES)
def test_one_matrix_without_a_result_leaves_the_others(function: str) -> None:
    batch, numbers = squares(np.float32), (4, 0.1) if function == INVERSE_ROOT else ()
    alone = made(function, batch, *numbers)
    batch[1, 2, 3] = batch[1, 3, 2] = np.nan
    beside = made(function, batch, *numbers)
    assert np.isnan(beside[1]).any()
    np.testing.assert_array_equal(beside[[0, 2]], alone[[0, 2]])
