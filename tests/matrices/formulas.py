"""What the rules compute, in float64 by NumPy, one variable after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
State = dict[str, Array]

#: The last one is excluded from matrices.
SHAPES = {"wide": (3, 5), "tall": (6, 4), "batch": (2, 4, 3), "alike": (3, 5)}
SHAPES |= {"bias": (7,), "plain": (4, 4)}


def drawn(steps: int, dtype: Any = np.float32) -> tuple[dict[str, Array], list[list[Array]]]:
    """Variables by name, and their gradients in each step."""
    draw = np.random.default_rng(5)
    held = {name: draw.normal(size=shape).astype(dtype) for name, shape in SHAPES.items()}
    rows = [[draw.normal(size=s).astype(dtype) for s in SHAPES.values()] for _ in range(steps)]
    return held, rows


def expected(name: str, held: dict[str, Array], rows: Sequence[Sequence[Array]]) -> list[Array]:
    """The variables after the steps."""
    found = []
    for k, (path, array) in enumerate(held.items()):
        is_matrix = array.ndim > 1 and path != "plain"
        state: State = {}
        param = array.astype(np.float64)
        for step, row in enumerate(rows, 1):
            param = RULES[name](param, row[k].astype(np.float64), state, step, is_matrix)
        found.append(param)
    return found


def gram(x: Array) -> Array:
    """The smaller product with the transpose, on the side where it is to be multiplied."""
    return x @ x.mT if x.shape[-2] <= x.shape[-1] else x.mT @ x


def times(short: Array, x: Array) -> Array:
    """The product with the shorter side."""
    return short @ x if x.shape[-2] <= x.shape[-1] else x @ short.mT


def ortho(param: Array, grad: Array, state: State, step: int, is_matrix: bool) -> Array:
    velocity = state["velocity"] = 0.95 * state.get("velocity", 0 * grad) + 0.05 * grad
    if not is_matrix:
        return param - 0.02 * velocity
    x: Array = velocity.reshape(len(velocity), -1)
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(5):
        a = gram(x)
        x = 3.4445 * x + times(2.0315 * a @ a - 4.775 * a, x)
    return param - 0.02 * x.reshape(param.shape)


def beside(param: Array, grad: Array, state: State, step: int, is_matrix: bool) -> Array:
    if not is_matrix:
        mean = state["mean"] = 0.9 * state.get("mean", 0 * grad) + 0.1 * grad
        square = state["square"] = 0.999 * state.get("square", 0 * grad) + 0.001 * grad**2
        size = np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        scaled: Array = size * mean / (np.sqrt(square) + 1e-7)
        return param - 0.001 * scaled
    velocity = state["velocity"] = 0.9 * state.get("velocity", 0 * grad) + grad
    x: Array = velocity / (np.linalg.norm(velocity) + 1e-7)
    for _ in range(3):
        x = 1.5 * x - 0.5 * times(gram(x), x)
    return param - 0.02 * x


def rooted(param: Array, grad: Array, state: State, step: int, is_matrix: bool) -> Array:
    if not is_matrix:
        return param - 0.02 * grad
    g = grad.reshape(len(grad), -1)
    for side, product in (("left", g @ g.T), ("right", g.T @ g)):
        state[side] = 0.95 * state.get(side, 0 * product) + product
        if step % 2 == 1:
            values, vectors = np.linalg.eigh(state[side])
            roots = (np.maximum(values, 0) + 0.01) ** -0.25
            state[f"{side}_root"] = vectors @ np.diag(roots) @ vectors.T
    change = state["left_root"] @ g @ state["right_root"]
    return param - 0.02 * change.reshape(param.shape)


def rotated(param: Array, grad: Array, state: State, step: int, is_matrix: bool) -> Array:
    """Columns of a basis may have either sign, which cancels."""
    if not is_matrix:
        return param - 0.02 * grad
    state["sums"] = 0.9 * state.get("sums", 0 * gram(grad)) + gram(grad)
    if step == 1:
        basis = np.linalg.eigh(state["sums"])[1]
    else:
        basis = np.linalg.qr(state["sums"] @ state["basis"])[0]
    state["basis"] = basis
    turned = times(basis.mT, grad)
    return param - 0.02 * times(basis, turned / (abs(turned) + 0.1))


RULES: dict[str, Callable[[Array, Array, State, int, bool], Array]] = {
    "Ortho": ortho,
    "Beside": beside,
    "Rooted": rooted,
    "Rotated": rotated,
}
