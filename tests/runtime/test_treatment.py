"""Constraints, variables that take their gradient's value, gradients that aren't finite."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from optgen.optimizers import SGD, Adam
from optgen.runtime import Array

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("python_kernels"),
]


def row(draw: np.random.Generator, *shapes: tuple[int, ...]) -> list[Array]:
    return [draw.normal(size=shape).astype(np.float32) for shape in shapes]


def test_constraints_are_keras_s() -> None:
    """Without an average, where Keras and optgen agree; the constraint is Keras's own."""
    draw = np.random.default_rng(3)
    start = row(draw, (4, 3), (3,))
    held = {"kernel": start[0].copy(), "bias": start[1].copy()}
    limit = keras.constraints.MaxNorm(0.7, axis=0)
    theirs = [keras.Variable(array) for array in start]
    theirs[0].constraint = limit

    def shorten(array: Array) -> Array:
        norms = np.sqrt((array**2).sum(axis=0, keepdims=True))
        return array * np.clip(norms, 0, 0.7) / (1e-7 + norms)

    ours = Adam(0.1, constraints={"kern*": shorten})
    peer = keras.optimizers.Adam(0.1)
    ours.build(held)
    for _ in range(20):
        gradients = row(draw, (4, 3), (3,))
        ours.apply(gradients)
        peer.apply([keras.ops.convert_to_tensor(g) for g in gradients], theirs)
    for array, variable in zip(held.values(), theirs, strict=True):
        np.testing.assert_allclose(array, variable.numpy(), atol=2e-5)


def test_the_average_sees_the_constraint() -> None:
    held = {"a": np.zeros(2, np.float32), "b": np.zeros(2, np.float32)}
    optimizer = SGD(
        1.0,
        use_ema=True,
        ema_momentum=0.5,
        constraints={"a": lambda array: np.maximum(array, 0)},
    )
    optimizer.build(held)
    for _ in range(2):
        optimizer.apply([np.ones(2, np.float32)] * 2)
    assert held["a"].tolist() == [0, 0]
    assert held["b"].tolist() == [-2, -2]
    assert optimizer.state["a"]["parameter_average"].tolist() == [0, 0]
    assert optimizer.state["b"]["parameter_average"].tolist() == [-1.5, -1.5]


@pytest.mark.parametrize(
    ("constraints", "error", "message"),
    [
        ({"a": 1}, TypeError, "must be a function"),
        ({1: abs}, TypeError, "must be a string"),
        ([abs], TypeError, "must map patterns"),
    ],
)
def test_constraints_that_make_no_sense(
    constraints: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        SGD(constraints=constraints)


def test_a_constraint_that_changes_the_shape_is_refused_before_the_first_step() -> None:
    optimizer, variable = SGD(constraints={"*": lambda array: array[:1]}), np.ones(2)
    with pytest.raises(ValueError, match="the constraint of 'variable_0' makes float64 of shape"):
        optimizer.apply([np.ones(2)], [variable])
    assert not optimizer.built
    assert variable.tolist() == [1, 1]


def test_a_constraint_that_fails_leaves_no_step() -> None:
    failing = [False]

    def fragile(array: Array) -> Array:
        if failing[0]:
            raise RuntimeError("no")
        return array

    held = {"a": np.ones(1), "b": np.ones(1), "c": np.ones(1)}
    optimizer = SGD(0.5, 0.9, use_ema=True, constraints={"b": fragile})
    optimizer.build(held)
    failing[0] = True
    with pytest.raises(RuntimeError, match="no"):
        optimizer.apply([np.ones(1)] * 3)
    assert optimizer.iterations == 0
    for path, array in held.items():
        own = optimizer.state[path]
        assert array == 1
        assert own["momentum_buffer"] == own["parameter_average"] == 0


class Marked(np.ndarray[Any, np.dtype[Any]]):
    """An array that can carry attributes, as Keras's variables do."""

    overwrite_with_gradient: bool
    constraint: Any


def test_variables_may_say_themselves_what_is_done_with_them() -> None:
    scale, weight = np.zeros(2).view(Marked), np.zeros(2).view(Marked)
    scale.overwrite_with_gradient = True
    weight.constraint = lambda array: np.clip(array, -0.25, 0.25)
    SGD(1.0).apply([np.array([1.0, 2.0]), np.ones(2)], [scale, weight])
    assert scale.tolist() == [1, 2]
    assert weight.tolist() == [-0.25, -0.25]


@pytest.mark.parametrize("steps", [None, 3])
def test_overwriting_is_keras_s(steps: int | None) -> None:
    draw = np.random.default_rng(4)
    held = {"scale": np.ones(3, np.float32), "weight": np.ones(3, np.float32)}
    theirs = [keras.Variable(array) for array in held.values()]
    theirs[0].overwrite_with_gradient = True
    common: Any = {"learning_rate": 0.1, "gradient_accumulation_steps": steps}
    ours = Adam(**common, overwrite_with_gradient=["sc*"], clipvalue=0.1)
    peer = keras.optimizers.Adam(**common, clipvalue=0.1)
    ours.build(held)
    assert set(ours.state["scale"]) <= {"largest_gradient"}
    for _ in range(9):
        gradients = row(draw, (3,), (3,))
        ours.apply(gradients)
        peer.apply([keras.ops.convert_to_tensor(g) for g in gradients], theirs)
        for array, variable in zip(held.values(), theirs, strict=True):
            np.testing.assert_allclose(array, variable.numpy(), atol=2e-5)


ODD = {"a": [np.nan, 1.0], "b": [1.0, -np.inf]}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("features", [{}, {"clipnorm": 1.0}, {"global_clipnorm": 1.0}])
@pytest.mark.parametrize("steps", [None, 2])
def test_a_gradient_that_is_not_finite_changes_nothing(
    odd: str, features: dict[str, Any], steps: int | None
) -> None:
    common = {**features, "gradient_accumulation_steps": steps, "use_ema": True}
    for on_nonfinite in ("skip", "raise"):
        held = {"a": np.ones(2), "b": np.ones(2)}
        optimizer: Any = SGD(0.5, momentum=0.5, on_nonfinite=on_nonfinite, **common)
        optimizer.build(held)
        good = {"a": np.ones(2), "b": np.ones(2)}
        optimizer.apply(good)
        before = {path: array.copy() for path, array in held.items()}
        states = {(p, n): a.copy() for p, s in optimizer.state.items() for n, a in s.items()}
        bad = {**good, odd: np.array(ODD[odd])}
        if on_nonfinite == "skip":
            optimizer.apply(bad)
        else:
            with pytest.raises(ValueError, match=f"not finite of {odd}$"):
                optimizer.apply(bad)
        np.testing.assert_equal(held, before)
        for (path, name), array in states.items():
            np.testing.assert_equal(optimizer.state[path][name], array)
        assert optimizer._iterations == 1


def test_large_finite_gradients_are_no_mistake() -> None:
    variable = np.zeros(2, np.float32)
    optimizer = SGD(2e-38, on_nonfinite="raise")
    optimizer.apply([np.array([3e38, -3e38], np.float32)], [variable])
    np.testing.assert_allclose(variable, [-6.0, 6.0], rtol=1e-6)
    wide = np.zeros(2)
    SGD(1e-300, on_nonfinite="raise").apply([np.full(2, 1e300)], [wide])
    np.testing.assert_allclose(wide, [-1.0, -1.0])


def test_an_unknown_treatment_is_refused() -> None:
    with pytest.raises(ValueError, match="on_nonfinite must be one of 'propagate', 'skip'"):
        SGD(on_nonfinite="ignore")


@pytest.mark.parametrize("patterns", [[], ["a"], ["a", "b"]])
def test_the_gradient_norm_is_that_of_variables_with_and_without_constraints(
    patterns: list[str],
) -> None:
    gradients = {"a": np.full(3, 2.0), "b": np.full(2, 3.0)}
    constraints = {pattern: lambda array: array for pattern in patterns}
    optimizer = Adam(clipnorm=1.0, constraints=constraints)
    optimizer.build({path: np.zeros_like(array) for path, array in gradients.items()})
    optimizer.apply(gradients)
    expected = np.linalg.norm(np.concatenate([*gradients.values()]))
    assert optimizer.gradient_norm == pytest.approx(expected, rel=1e-12)
