"""Dynamic loss scaling, beside Keras's."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pytest

import optgen.optimizers
from optgen.optimizers import SGD, Adam, LossScaleOptimizer
from optgen.runtime import Array
from tests.runtime.copying import COPIES

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("python_kernels"),
]


def gradients(calls: int) -> list[Array]:
    """Scaled gradients, of which some aren't finite."""
    draw = np.random.default_rng(11)
    rows = [draw.normal(size=4).astype(np.float32) * 64 for _ in range(calls)]
    for call in (0, 5, 6, 13):
        rows[call][call % 4] = np.inf if call % 2 else np.nan
    return rows


@pytest.mark.parametrize("steps", [None, 2])
@pytest.mark.parametrize("clip", [{}, {"global_clipnorm": 0.5}, {"clipnorm": 0.5}])
def test_scale_and_variables_are_keras_s(clip: dict[str, float], steps: int | None) -> None:
    held = np.ones(4, np.float32)
    theirs = keras.Variable(held)
    common: Any = {"gradient_accumulation_steps": steps, **clip}
    ours = LossScaleOptimizer(Adam(0.1, **common), initial_scale=64, dynamic_growth_steps=3)
    peer = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(0.1, **common), initial_scale=64, dynamic_growth_steps=3
    )
    ours.build([held])
    peer.build([theirs])
    for gradient in gradients(20):
        ours.apply([gradient])
        peer.apply([keras.ops.convert_to_tensor(gradient)], [theirs])
        assert ours.dynamic_scale == float(peer.dynamic_scale.numpy())
        assert ours.step_counter == int(peer.step_counter.numpy())
        assert ours.scale_loss(2.0) == float(peer.scale_loss(2.0))
        np.testing.assert_allclose(held, theirs.numpy(), atol=2e-5)
    assert ours.inner_optimizer._iterations == 16
    assert ours.iterations == (8 if steps else 16)


def test_the_scale_has_a_floor() -> None:
    optimizer = LossScaleOptimizer(SGD(0.5), initial_scale=4.0)
    variable = np.zeros(2)
    optimizer.build([variable])
    for _ in range(200):
        optimizer.apply([np.full(2, np.inf)])
    assert optimizer.dynamic_scale == 1.0
    optimizer.apply([np.ones(2)])
    assert variable.tolist() == [-0.5, -0.5]


def test_the_inner_optimizer_s_own_scale_is_not_used() -> None:
    optimizer = LossScaleOptimizer(SGD(1.0, loss_scale_factor=100.0), initial_scale=2.0)
    variable = np.zeros(1)
    optimizer.apply_gradients([(np.ones(1), variable)])
    assert variable == -0.5
    assert optimizer.unwrapped().loss_scale_factor == 100.0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"inner_optimizer": "adam"}, TypeError, "must be an optimizer"),
        ({"initial_scale": 0.5}, ValueError, "initial_scale = 0.5 is out of range"),
        ({"dynamic_growth_steps": 1.5}, ValueError, "must be an integer"),
        ({"growth": 2}, ValueError, "no argument 'growth'"),
    ],
)
def test_arguments_that_make_no_sense(
    arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        LossScaleOptimizer(**{"inner_optimizer": SGD(), **arguments})


def test_a_built_optimizer_is_not_wrapped() -> None:
    optimizer = SGD()
    optimizer.build([np.zeros(1)])
    with pytest.raises(ValueError, match="isn't built yet"):
        LossScaleOptimizer(optimizer)


@pytest.mark.parametrize("how", COPIES)
def test_copies_have_a_scale_of_their_own(how: str) -> None:
    optimizer = LossScaleOptimizer(Adam(0.5, on_nonfinite="raise"), initial_scale=8.0)
    optimizer.build([np.zeros(2)])
    optimizer.apply([np.full(2, np.nan)])
    copied = COPIES[how](optimizer)
    assert (copied.dynamic_scale, copied.iterations) == (4.0, 0)
    copied.apply([np.full(2, np.nan)])
    assert (copied.dynamic_scale, optimizer.dynamic_scale) == (2.0, 4.0)
    assert copied.inner_optimizer.loss_scale_factor == 2.0
    assert copied.unwrapped().get_config()["on_nonfinite"] == "raise"


def test_configurations_hold_the_inner_optimizer() -> None:
    optimizer = LossScaleOptimizer(Adam(0.5, beta_1=0.5), initial_scale=8.0, name="mine")
    written = json.loads(json.dumps(optgen.optimizers.serialize(optimizer)))
    made = optgen.optimizers.deserialize(written)
    assert isinstance(made, LossScaleOptimizer)
    assert (made.name, made.initial_scale) == ("mine", 8.0)
    assert made.inner_optimizer.beta_1 == 0.5
    assert made.unwrapped().get_config() == optimizer.unwrapped().get_config()
