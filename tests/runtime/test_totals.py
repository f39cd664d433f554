"""Sums over all variables beside products, which run for some variables after the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import optgen
from optgen.runtime.hyperparameters.treatment import NonfiniteGradientError

AFTER = '''
name = "After"
[matrix]
view = "first by rest"
[update]
rule = """
if matrix:
    x = gram(grad) @ grad
else:
    x = grad
change = learning_rate*x/(global_norm(x) + 1)
"""
'''
#: Of low rank, so that a product of states needs nothing of the gradient.
BEFORE = '''
name = "Before"
[matrix]
view = "first by rest"
rank = "rank"
[hyperparameters]
rank = { default = 2, integer = true, range = "rank >= 1" }
[state]
left = { shape = "short by rank", when = "matrix" }
right = { shape = "rank by long", when = "matrix" }
[update]
rule = """
if matrix:
    x = left @ right + grad
    left = singular_vectors(x, rank)
    right = transpose(left) @ x
else:
    x = grad
change = learning_rate*x
"""
'''
SHAPES = ((3, 4), (2, 5), (4,))
Array = np.ndarray[Any, np.dtype[np.float64]]


def gradients() -> list[Array]:
    draw = np.random.default_rng(0)
    return [draw.normal(size=shape) for shape in SHAPES]


def length(arrays: list[Array]) -> float:
    return float(np.sqrt(sum(np.sum(array**2) for array in arrays)))


@pytest.mark.parametrize("backend", ["numpy", "compiled"])
def test_a_sum_after_products_is_of_all_variables(backend: Any) -> None:
    rows = gradients()
    held = [np.zeros(shape) for shape in SHAPES]
    kind: Any = optgen.compile(AFTER, backend=backend)
    kind(learning_rate=0.5).apply(rows, held)
    cubes = [g @ g.T @ g if g.ndim == 2 else g for g in rows]
    for array, cube in zip(held, cubes, strict=True):
        np.testing.assert_allclose(array, -0.5 * cube / (length(cubes) + 1), rtol=1e-12)


def test_gradients_are_summed_before_products_of_states() -> None:
    kind: Any = optgen.compile(BEFORE, backend="numpy")
    held = [np.zeros(shape) for shape in SHAPES]
    optimizer = kind(learning_rate=1.0, global_clipnorm=0.5)
    optimizer.apply(gradients(), held)
    assert optimizer.gradient_norm == pytest.approx(length(gradients()), rel=1e-12)
    assert length(held) == pytest.approx(0.5, rel=1e-12)


def test_gradients_are_checked_before_products_of_states() -> None:
    kind: Any = optgen.compile(BEFORE, backend="numpy")
    held = [np.zeros(shape) for shape in SHAPES]
    optimizer = kind(on_nonfinite="raise")
    bad = gradients()
    bad[1][0, 0] = np.nan
    with pytest.raises(NonfiniteGradientError, match="variable_1"):
        optimizer.apply(bad, held)
    assert length(held) == 0
