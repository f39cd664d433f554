"""The rules as their papers state them, over lists of arrays in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
#: States by variable, and of all variables under the key None.
States = dict[int | None, dict[str, Any]]
Rule = Callable[[States, list[Array], Mapping[int, Array], Sequence[int], int], None]
#: The largest and the second largest dimension; the last ones of equal ones.
Axes = tuple[int, int]


def _largest_axes(shape: Sequence[int]) -> Axes:
    second, first = sorted(range(len(shape)), key=lambda axis: (shape[axis], axis))[-2:]
    return second, first


def factored(
    states: States, params: list[Array], grads: Mapping[int, Array], plain: Any, _: int
) -> None:
    for k, grad in grads.items():
        own, square = states.setdefault(k, {}), grad**2 + 1e-12
        if grad.ndim > 1 and k not in plain:
            rows, columns = _largest_axes(grad.shape)
            own["row_velocity"] = 0.8 * own.get("row_velocity", 0) + 0.2 * square.mean(
                columns, keepdims=True
            )
            own["column_velocity"] = 0.8 * own.get("column_velocity", 0) + 0.2 * square.mean(
                rows, keepdims=True
            )
            of_rows = own["row_velocity"]
            estimate = of_rows * own["column_velocity"] / of_rows.mean(rows, keepdims=True)
        else:
            estimate = own["velocity"] = 0.8 * own.get("velocity", 0) + 0.2 * square
        update = grad / np.sqrt(estimate)
        params[k] = params[k] - 0.01 * update / max(1, np.sqrt((update**2).mean()))


def covered(
    states: States, params: list[Array], grads: Mapping[int, Array], plain: Any, _: int
) -> None:
    for k, grad in grads.items():
        own = states.setdefault(k, {})
        if grad.ndim > 1 and k not in plain:
            rest = tuple(range(1, grad.ndim))
            size = np.minimum(own.get("row_cover", 0), own.get("column_cover", 0)) + grad**2
            own["row_cover"] = size.max(rest, keepdims=True)
            own["column_cover"] = size.max(0, keepdims=True)
        else:
            size = own["cover"] = own.get("cover", 0) + grad**2
        params[k] = params[k] - 0.1 * grad / np.sqrt(size + 1e-6)


def trust(
    states: States, params: list[Array], grads: Mapping[int, Array], plain: Any, _: int
) -> None:
    for k, grad in grads.items():
        own = states.setdefault(k, {})
        mean = own["mean_gradient"] = 0.9 * own.get("mean_gradient", 0) + 0.1 * grad
        velocity = own["velocity"] = 0.99 * own.get("velocity", 0) + 0.01 * grad**2
        direction = mean / (np.sqrt(velocity) + 1e-6)
        found = np.linalg.norm(params[k]) / (np.linalg.norm(direction) + 1e-6)
        own["ratio"] = 0.9 * own.get("ratio", 0.5) + 0.1 * found
        params[k] = params[k] - 0.01 * own["ratio"] * direction


def learned(
    states: States, params: list[Array], grads: Mapping[int, Array], plain: Any, _: int
) -> None:
    shared = states.setdefault(None, {})
    d, numerator = shared.get("distance", 0.001), shared.get("numerator", 0.0)
    factor = d**2 / 0.001 * 0.1
    reached, travelled = 0.0, 0.0
    for k, grad in grads.items():
        own = states.setdefault(k, {})
        first = own.setdefault("first", params[k])
        momentum = own["momentum"] = 0.9 * own.get("momentum", 0) + d * 0.1 * grad
        velocity = own["velocity"] = 0.99 * own.get("velocity", 0) + d**2 * 0.01 * grad**2
        own["travelled"] = 0.9 * own.get("travelled", 0) + factor * grad
        reached += (grad * (first - params[k])).sum()
        travelled += np.abs(own["travelled"]).sum()
        params[k] = params[k] - d * momentum / (np.sqrt(velocity) + d * 1e-8)
    shared["numerator"] = 0.9 * numerator + factor * reached
    shared["distance"] = max(d, shared["numerator"] / travelled)


def normed(
    states: States, params: list[Array], grads: Mapping[int, Array], plain: Any, step: int
) -> None:
    """Momentum with rows of one length; Adam (Kingma and Ba, algorithm 1) for all else."""
    for k, grad in grads.items():
        own = states.setdefault(k, {})
        if grad.ndim > 1 and k not in plain:
            velocity = own["velocity"] = 0.9 * own.get("velocity", 0) + 0.1 * grad
            rest = tuple(range(1, grad.ndim))
            lengths = np.sqrt((velocity**2).sum(rest, keepdims=True))
            params[k] = params[k] - 0.02 * velocity / (lengths + 0.001)
            continue
        mean = own["mean_gradient"] = 0.9 * own.get("mean_gradient", 0) + 0.1 * grad
        square = own["fallback_velocity"] = (
            0.999 * own.get("fallback_velocity", 0) + 0.001 * grad**2
        )
        size = 0.003 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        params[k] = params[k] - size * mean / (np.sqrt(square) + 1e-7)


RULES: Mapping[str, Rule] = {
    "Factored": factored,
    "Covered": covered,
    "Trust": trust,
    "Learned": learned,
    "Normed": normed,
}
#: A number, vectors, matrices, and batches of them.
SHAPES = {
    "scale": (),
    "kernel": (7, 5),
    "bias": (11,),
    "filters": (3, 4, 5),
    "row": (1, 9),
    "plain": (4, 6),
    "idle": (2, 3),
}
#: The one that users exclude from matrices, and the one that never has a gradient.
PLAIN, IDLE = 5, 6


def drawn(steps: int, seed: int = 0) -> tuple[list[Array], list[list[Array | None]]]:
    """Variables, and the gradients of some steps: of a basin that steps in any order go down."""
    draw = np.random.default_rng(seed)
    held = [np.asarray(draw.normal(size=shape), np.float32) for shape in SHAPES.values()]
    rows: list[list[Array | None]] = []
    for _ in range(steps):
        row = [np.asarray(draw.normal(size=a.shape) + a, np.float32) for a in held]
        rows.append([*row[:IDLE], None])
    return held, rows


def expected(
    name: str,
    held: Sequence[Array],
    rows: Sequence[Sequence[Array | None]],
    plain: Sequence[int] = (PLAIN,),
) -> tuple[list[Array], States]:
    """Variables and states after some steps."""
    states: States = {}
    params = [array.astype(np.float64) for array in held]
    for step, row in enumerate(rows, start=1):
        grads = {k: g.astype(np.float64) for k, g in enumerate(row) if g is not None}
        RULES[name](states, params, grads, plain, step)
    return params, states


def differences(
    found: Callable[[int | None, str], Any], params: Sequence[Any], wanted: Any, tolerance: float
) -> list[str]:
    """What differs of variables and states, where ``found`` gives the states."""
    every = [(f"variable {k}", one, wanted[0][k]) for k, one in enumerate(params)]
    for k, own in wanted[1].items():
        every += [(f"{name} of {k}", found(k, name), value) for name, value in own.items()]
    return [
        f"{what}: {one!r} is not {other!r}"
        for what, one, other in every
        if not np.allclose(np.ravel(one), np.ravel(other), rtol=tolerance, atol=tolerance)
    ]
