"""Calls with more than gradients: what is refused, and what is warned of."""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import numpy as np
import pytest

import optgen
from optgen.keras import optimizer_class
from tests.runtime.more_than_gradients import GUIDED

# Keras's own conversion of torch tensors to NumPy arrays.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("python_kernels"),
]


def guided() -> tuple[Any, Any]:
    weights = keras.Variable(np.ones(3, np.float32), name="weights")
    optimizer = optimizer_class(optgen.compile(GUIDED), "GuidedOfKeras")()
    optimizer.build([weights])
    return optimizer, weights


@pytest.mark.parametrize(
    ("inputs", "kind", "message"),
    [
        ({}, TypeError, "needs curvature in each call"),
        ({"curvature": [np.ones(3)], "loss": 1.0, "hessian": []}, TypeError, "no 'hessian'"),
        ({"curvature": [np.ones(2)], "loss": 1.0}, ValueError, "shape"),
        ({"curvature": [np.ones(3)] * 2, "loss": 1.0}, ValueError, "2 arrays for 1 variables"),
        ({"curvature": {"others": np.ones(3)}, "loss": 1.0}, ValueError, "no variable's path"),
        ({"curvature": [None], "loss": 1.0}, ValueError, "lacks an array for 'weights'"),
        ({"curvature": [np.ones(3)], "loss": np.ones(3)}, TypeError, "must be a number"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_stateless", [False, True])
def test_inputs(inputs: Any, kind: Any, message: str, is_stateless: bool) -> None:
    optimizer, weights = guided()
    grads, call = [keras.ops.ones(3)], partial(optimizer.apply)
    if is_stateless:
        values = [v.value for v in optimizer.variables]
        call = partial(optimizer.stateless_apply, values, trainable_variables=[weights.value])
    with pytest.raises(kind, match=message):
        call(grads=grads, **inputs)
    assert np.array_equal(keras.ops.convert_to_numpy(weights), np.ones(3))


def test_inputs_by_path() -> None:
    optimizer, weights = guided()
    optimizer.apply([keras.ops.ones(3)], curvature={"weights": np.ones(3, "float32")}, loss=0.5)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(weights), np.full(3, 0.75))


def test_fit_makes_plain_steps() -> None:
    made = optimizer_class(optgen.compile("sgd", "sam"), "SharpnessOfKeras")
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer=made(sam_radius=0.1), loss="mse")
    with pytest.warns(UserWarning, match="fit never does"):
        model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)


@pytest.mark.parametrize("is_stateless", [False, True])
def test_second_points(is_stateless: bool) -> None:
    rule = optgen.compile("sgd", "sam")
    weights, grads = keras.Variable(np.ones(2)), [keras.ops.ones(2)]

    def moved(optimizer: Any) -> None:
        if is_stateless:
            values = [v.value for v in optimizer.variables]
            optimizer.stateless_perturb(values, grads, [weights.value])
        else:
            optimizer.perturb(grads)

    for radius, message in ((0.1, "perturbed"), (None, "where the variables are")):
        optimizer = optimizer_class(rule, "SharpnessOfKeras")(sam_radius=radius)
        optimizer.build([weights])
        if radius:
            moved(optimizer)
        with pytest.raises(RuntimeError, match=message):
            moved(optimizer)


@pytest.mark.filterwarnings("ignore:Gradients do not exist:UserWarning")
@pytest.mark.parametrize("is_stateless", [False, True])
def test_each_variable_comes_back_whichever_gradient_is_missing(is_stateless: bool) -> None:
    rule, lr = optgen.compile("sgd", "sam"), 0.25
    starts = [np.array([3.0, 4.0]), np.array([1.0, 2.0])]
    weights = [keras.Variable(start) for start in starts]
    optimizer = optimizer_class(rule, "SharpnessOfKeras")(lr, sam_radius=0.5)
    optimizer.build(weights)
    one, other = keras.ops.array([3.0, 4.0]), keras.ops.ones(2)
    calls: Any = [([one, other], [one, other]), ([one, None], [one, other])]
    calls.append(([one, other], [one, None]))
    for first, second in calls:
        if not is_stateless:
            optimizer.perturb(first, weights)
            optimizer.apply(second, weights)
            continue
        for call, grads in (
            (optimizer.stateless_perturb, first),
            (optimizer.stateless_apply, second),
        ):
            own = [variable.value for variable in optimizer.variables]
            new, states = call(own, grads, [variable.value for variable in weights])
            for variable, value in zip(
                [*weights, *optimizer.variables], [*new, *states], strict=True
            ):
                variable.assign(value)
    # The steps of plain descent, each with the second gradient, if there is one.
    assert np.allclose(
        keras.ops.convert_to_numpy(weights[0]), starts[0] - 3 * lr * np.array([3.0, 4.0])
    )
    assert np.allclose(keras.ops.convert_to_numpy(weights[1]), starts[1] - 2 * lr * np.ones(2))
