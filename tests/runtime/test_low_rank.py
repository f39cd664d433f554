"""Matrices with a side of a rank at work: shapes, products, vectors, draws and state files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen

Array = np.ndarray[Any, Any]

#: Products of all kinds of sides, each kept in a state; what is drawn is in the others.
pytestmark = pytest.mark.usefixtures("python_kernels")
SPEC = '''
name = "Sides"
[matrix]
view = "last two"
rank = "rank"
[hyperparameters]
learning_rate = { default = 1.0 }
rank = { default = 2, integer = true, range = "rank >= 1" }
[state]
left     = { shape = "rows by rank", when = "matrix" }
right    = { shape = "columns by rank", when = "matrix" }
short    = { shape = "short by rank", when = "matrix" }
drawn    = { shape = "rank by long", when = "matrix" }
core     = { shape = "rank by rank", when = "matrix" }
of_rows  = { shape = "rank by rows", when = "matrix" }
of_long  = { shape = "rank by long", when = "matrix" }
of_short = { shape = "rank by short", when = "matrix" }
basis    = { shape = "columns by rank", when = "matrix" }
leading  = { shape = "short by rank", when = "matrix" }
others   = { shape = "long by rank", when = "matrix" }
element  = { when = "matrix" }
norms    = { when = "matrix" }
means    = { shape = "columns by rank", when = "matrix" }
[update]
rule = """
if matrix:
    right = normal()
    short = normal()
    drawn = normal()
    left = grad @ right
    core = transpose(left) @ left
    of_rows = transpose(right) @ transpose(grad)
    of_long = 2*(transpose(short) @ grad)
    of_short = of_long @ transpose(grad)
    basis = orthonormal(right)
    leading = singular_vectors(grad, rank)
    others = singular_vectors(transpose(grad), rank)
    element = short @ drawn
    norms = column_norm(drawn)
    means = column_mean(right)
    read = sum(core) + sum(of_rows) + sum(of_short) + sum(basis) + sum(leading) + sum(others)
    read = read + sum(element) + sum(norms) + sum(means)
    change = learning_rate*(left @ transpose(right)) + 1e-99*read
else:
    change = learning_rate*grad
"""
'''
SHAPES = [(7, 4), (4, 7), (5, 5), (3, 4, 6), (3, 6, 4), (1, 6), (2, 3, 1, 5)]
Sides = optgen.compile(SPEC)


def turned(matrices: Array) -> Array:
    return np.swapaxes(matrices, -1, -2)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products_are_numpys(order: Any, dtype: Any) -> None:
    """For tall and wide matrices and batches, in any layout, variables of a shape together."""
    rng = np.random.default_rng(5)
    # Several leading dimensions in this order have no strides as one.
    shapes = SHAPES if order == "C" else SHAPES[:-1]
    variables = [np.zeros(shape, dtype, order) for shape in (*shapes, *shapes[:4])]
    grads = [np.asarray(rng.normal(size=one.shape), dtype) for one in variables]
    optimizer = Sides()
    optimizer.apply([np.asarray(one, order=order) for one in grads], variables)
    for variable, grad, found in zip(variables, grads, optimizer.state.values(), strict=True):
        check(variable, grad, found, 1e-4 if dtype is np.float32 else 1e-12)


def check(variable: Array, grad: Array, states: dict[str, Array], tolerance: float) -> None:
    *_, rows, columns = grad.shape
    grad, change = (np.reshape(one, (-1, rows, columns)) for one in (grad, -variable))
    found = {
        name: np.reshape(one, (-1, rows, columns)) if name in ("element", "norms") else one
        for name, one in states.items()
    }
    found = {name: one.reshape(len(grad), *one.shape[-2:]) for name, one in found.items()}
    rank = min(2, rows, columns)
    wide = turned(grad) if rows > columns else grad
    right, short, drawn, left = (found[name] for name in ("right", "short", "drawn", "left"))
    assert right.shape == (len(grad), columns, rank)
    assert short.shape == (len(grad), min(rows, columns), rank)
    singular, _, others = np.linalg.svd(np.asarray(wide, np.float64), full_matrices=False)
    wanted = {
        "left": grad @ right,
        "core": turned(left) @ left,
        "of_rows": turned(right) @ turned(grad),
        "of_long": 2 * turned(short) @ wide,
        "of_short": 2 * turned(short) @ wide @ turned(wide),
        "element": short @ drawn,
        "means": np.broadcast_to(right.mean(axis=-2, keepdims=True), right.shape),
        "norms": np.broadcast_to(np.linalg.norm(drawn, axis=-2, keepdims=True), wide.shape),
    }
    for name in ("element", "norms"):
        found[name] = turned(found[name]) if rows > columns else found[name]
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, atol=tolerance * 30, err_msg=name)
    np.testing.assert_allclose(change, left @ turned(right), atol=tolerance * 30)
    for name, vectors in (("leading", singular), ("others", turned(others))):
        np.testing.assert_allclose(
            np.abs(turned(found[name]) @ vectors[..., :rank]), unit(found[name]), atol=tolerance
        )
    basis = found["basis"]
    np.testing.assert_allclose(turned(basis) @ basis, unit(basis), atol=tolerance)
    np.testing.assert_allclose(basis @ turned(basis) @ right, right, atol=tolerance * 30)


def unit(vectors: Array) -> Array:
    """A unit matrix for each product of some vectors with themselves."""
    return np.broadcast_to(np.eye(vectors.shape[-1]), (len(vectors), *vectors.shape[-1:] * 2))


@pytest.mark.parametrize("columns", [6, 15])
def test_singular_vectors_of_small_values_are_exact(columns: int) -> None:
    """They would be lost in the product of the matrix with its transpose."""
    rng = np.random.default_rng(2)
    left, right = (np.linalg.qr(rng.normal(size=(size, 6)))[0] for size in (6, columns))
    grad = (left * np.array([1.0, 1e-5, 1e-10, 1e-11, 1e-12, 1e-13])) @ right.T
    optimizer = Sides(rank=3)
    optimizer.apply([grad], [np.zeros((6, columns))])
    found = optimizer.state["variable_0"]["leading"]
    products = np.abs(found.T @ left[:, :3])
    np.testing.assert_allclose(products, np.eye(3), atol=1e-4)
    assert (np.abs(found).max(axis=0) == found.max(axis=0)).all()


def test_a_singular_vector_of_nan_is_nan() -> None:
    optimizer = Sides()
    optimizer.apply([np.full((3, 3), np.nan), np.eye(3)], [np.zeros((3, 3)), np.zeros((3, 3))])
    first, second = (one["leading"] for one in optimizer.state.values())
    assert np.isnan(first).all()
    assert np.isfinite(second).all()


def test_draws_are_those_of_a_variable_of_that_shape() -> None:
    optimizer = Sides(seed=4)
    optimizer.apply([np.ones((5, 3))], [np.zeros((5, 3))])
    plain = SPEC[: SPEC.index("[matrix]")].replace("Sides", "Plain")
    rule = "right = normal()\nchange = learning_rate*(right + grad)"
    other = optgen.compile(f'{plain}[state]\nright = {{}}\n[update]\nrule = """\n{rule}\n"""')
    drawing = other(seed=4)
    drawing.apply([np.zeros((3, 2))], [np.zeros((3, 2))])
    right = optimizer.state["variable_0"]["right"]
    assert (right == drawing.state["variable_0"]["right"]).all()
    assert (right[:2] != optimizer.state["variable_0"]["short"][:2]).any()


@pytest.mark.parametrize("rule", ["galore", "dion"])
def test_a_run_goes_on_from_a_file(rule: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    start = [rng.normal(size=shape) for shape in SHAPES]
    grads = [[rng.normal(size=shape) for shape in SHAPES] for _ in range(6)]
    runs = [[one.copy() for one in start] for _ in range(2)]
    make: Any = optgen.compile(rule)
    whole, first, second = (make(rank=2) for _ in range(3))
    for one in grads:
        whole.apply(one, runs[0])
    for one in grads[:3]:
        first.apply(one, runs[1])
    first.save(tmp_path / "state")
    second.build(runs[1])
    second.load(tmp_path / "state")
    for one in grads[3:]:
        second.apply(one)
    for left, right in zip(*runs, strict=True):
        assert (left == right).all()


def test_a_file_of_another_rank_is_refused(tmp_path: Path) -> None:
    variables = [np.zeros((5, 4))]
    one, other = Sides(rank=2), Sides(rank=3)
    one.build(variables)
    one.save(tmp_path / "state")
    other.build(variables)
    with pytest.raises(ValueError, match="left"):
        other.load(tmp_path / "state")


def test_the_rank_is_fixed_once_states_exist() -> None:
    optimizer = Sides(rank=2)
    optimizer.rank = 3
    optimizer.build([np.zeros((5, 4))])
    assert optimizer.state["variable_0"]["left"].shape == (5, 3)
    optimizer.rank = 3
    with pytest.raises(ValueError, match="fixed once the optimizer is built"):
        optimizer.rank = 4
    assert optimizer.rank == 3


def test_a_schedule_of_the_rank_is_refused() -> None:
    with pytest.raises(TypeError, match="rank"):
        Sides(rank=lambda: 3)


def test_paths_have_ranks_of_their_own() -> None:
    optimizer = Sides(rank=1, options={"wide": {"rank": 3}})
    variables = {"wide": np.zeros((4, 7)), "other": np.zeros((4, 7))}
    optimizer.apply({path: np.ones((4, 7)) for path in variables}, variables)
    assert optimizer.state["wide"]["left"].shape == (4, 3)
    assert optimizer.state["other"]["left"].shape == (4, 1)
