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
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


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
