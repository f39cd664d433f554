"""The rows of the table in docs/keras.md: what Keras does, and what optgen does."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import optgen.optimizers as ours
from optgen.optimizers import SGD, Adam, LossScaleOptimizer, RMSprop
from optgen.optimizers.schedules import ExponentialDecay
from optgen.runtime import Array
from tests.keras.promises import CHECKS

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("python_kernels"),
]
theirs = keras.optimizers
tensor = keras.ops.convert_to_tensor


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Both warn of missing gradients, which are meant here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="(Gradients do not exist|no gradient for)")
        yield


def one() -> Array:
    return np.ones(1, np.float32)


def train(optimizer: Any, peer: Any, calls: list[list[float | None]]) -> tuple[Any, Any]:
    """Our variables and Keras's after the same calls, from ones."""
    held = [one() for _ in calls[0]]
    variables = [keras.Variable(array) for array in held]
    optimizer.build(held)
    peer.build(variables)
    for call in calls:
        row = [None if g is None else np.full(1, g, np.float32) for g in call]
        optimizer.apply(row)
        peer.apply([None if g is None else tensor(g) for g in row])
    return [float(a[0]) for a in held], [float(v.numpy()[0]) for v in variables]


def test_averages_under_accumulation() -> None:
    arguments: Any = {"use_ema": True, "ema_momentum": 0.5, "gradient_accumulation_steps": 2}
    optimizer, peer = SGD(1.0, **arguments), theirs.SGD(1.0, **arguments)
    train(optimizer, peer, [[1.0]] * 6)
    # Three updates: to 0, where the average begins, to -1 and to -2.
    assert optimizer.state["variable_0"]["parameter_average"] == -1.25
    # It moved towards -1 in the fifth call too.
    assert float(peer._model_variables_moving_average[0].numpy()[0]) == -1.375


def test_overwriting_under_accumulation() -> None:
    arguments: Any = {"use_ema": True, "ema_momentum": 0.5, "gradient_accumulation_steps": 2}
    written: list[list[float]] = [[], []]
    optimizer = SGD(1.0, ema_overwrite_frequency=3, **arguments)
    peer = theirs.SGD(1.0, ema_overwrite_frequency=3, **arguments)
    held, variable = one(), keras.Variable(one())
    for _ in range(6):
        optimizer.apply([one()], [held])
        peer.apply([tensor(one())], [variable])
        written[0].append(float(held[0]))
        written[1].append(float(variable.numpy()[0]))
    # Updates at every second call; the third of them takes the average over.
    assert written[0] == [1.0, 0.0, 0.0, -1.0, -1.0, -1.25]
    # In Keras the parameter changes in the fifth call, which only gathers a gradient.
    assert written[1][:5] == [1.0, 0.0, 0.0, -1.0, -0.75]


def test_no_gradient_on_the_last_call_of_a_window() -> None:
    calls: list[list[float | None]] = [[1.0, 1.0], [None, 1.0]]
    steps: Any = {"gradient_accumulation_steps": 2}
    mine, keras_s = train(SGD(1.0, **steps), theirs.SGD(1.0, **steps), calls)
    assert mine == [0.5, 0.0]
    assert keras_s == [1.0, 0.0]


def test_averages_and_constraints() -> None:
    arguments: Any = {"use_ema": True}
    optimizer = SGD(3.0, constraints={"*": lambda array: np.maximum(array, 0)}, **arguments)
    held, variable = one(), keras.Variable(one())
    variable.constraint = keras.constraints.NonNeg()
    peer = theirs.SGD(3.0, **arguments)
    optimizer.apply([one()], [held])
    peer.apply([tensor(one())], [variable])
    assert held == float(variable.numpy()[0]) == 0
    assert optimizer.state["variable_0"]["parameter_average"] == 0
    assert float(peer._model_variables_moving_average[0].numpy()[0]) == -2


@pytest.mark.compiled
def test_centered_rmsprop_with_noisy_gradients() -> None:
    draw = np.random.default_rng(0)
    arguments: Any = {"learning_rate": 0.01, "centered": True, "epsilon": 1e-7}
    held, variable = np.ones(2000, np.float32), keras.Variable(np.ones(2000, np.float32))
    optimizer, peer = RMSprop(**arguments), theirs.RMSprop(**arguments)
    for _ in range(300):
        gradient = draw.normal(10, 1e-3, 2000).astype(np.float32)
        optimizer.apply([gradient], [held])
        peer.apply([tensor(gradient)], [variable])
    assert np.isfinite(held).all()
    assert np.isnan(variable.numpy()).any()


@pytest.mark.parametrize("rate", [1, np.float32(0.5), np.int64(1), np.array(0.5)])
def test_kinds_of_numbers(rate: Any) -> None:
    assert SGD(rate).learning_rate == rate
    for bad in (-1, float("nan"), np.float32(-1.0)):
        with pytest.raises(ValueError, match="out of range"):
            SGD(bad)
    if not isinstance(rate, float):
        with pytest.raises(ValueError, match="learning_rate"):
            theirs.SGD(rate)


def test_negative_numbers_are_taken_by_keras() -> None:
    theirs.SGD(-1.0)
    theirs.Adam(float("nan"))
    with pytest.raises(ValueError, match="out of range"):
        SGD(-1.0)


def test_epsilon_stands_inside_the_root() -> None:
    epsilon = 0.25
    expected = 1 - 0.1 / np.sqrt(0.1 + epsilon)
    mine, keras_s = train(
        RMSprop(0.1, epsilon=epsilon), theirs.RMSprop(0.1, epsilon=epsilon), [[1.0]]
    )
    np.testing.assert_allclose([*mine, *keras_s], expected, rtol=1e-6)
    assert "inside the root" in str(RMSprop.__doc__)


def test_from_a_function_to_a_number() -> None:
    peer = theirs.SGD(lambda: 0.5)
    with pytest.raises(AttributeError):
        peer.learning_rate = 0.25
    optimizer = SGD(lambda: 0.5)
    optimizer.learning_rate = 0.25
    assert optimizer.learning_rate == 0.25


def test_from_a_schedule_to_a_number() -> None:
    peer = theirs.SGD(theirs.schedules.ExponentialDecay(0.5, 1, 0.5))
    with pytest.raises(TypeError):
        peer.learning_rate = 0.25
    optimizer = SGD(ExponentialDecay(0.5, 1, 0.5))
    optimizer.learning_rate = 0.25
    assert optimizer.learning_rate == 0.25


@pytest.mark.parametrize(
    "odd",
    [{"gradient_accumulation_steps": 2.5}, {"gradient_accumulation_steps": 0}, {"clipnorm": 0}],
)
def test_odd_arguments(odd: Any) -> None:
    theirs.SGD(**odd)
    with pytest.raises(ValueError, match=next(iter(odd))):
        SGD(**odd)


def test_excluding_from_weight_decay() -> None:
    arguments: Any = {"weight_decay": 0.5}
    peer = theirs.SGD(1.0, **arguments)
    peer.exclude_from_weight_decay(var_names=["bias"])
    peer.exclude_from_weight_decay(var_names=["scale"])
    bias, scale = keras.Variable(one(), name="bias"), keras.Variable(one(), name="scale")
    assert peer._use_weight_decay(bias)
    assert not peer._use_weight_decay(scale)
    assert not any("exclude" in key for key in peer.get_config())

    optimizer = SGD(1.0, **arguments)
    optimizer.exclude_from_weight_decay(var_names=["encoder/.*bias"])
    optimizer.exclude_from_weight_decay(var_names=["scale"])
    again = SGD.from_config(optimizer.get_config())
    for made in (optimizer, again):
        held = {path: one() for path in ("encoder/bias", "decoder/bias", "scale")}
        made.apply([np.zeros(1, np.float32)] * 3, held)
        assert [float(array[0]) for array in held.values()] == [1.0, 0.5, 1.0]
        with pytest.raises(ValueError, match="before the optimizer is built"):
            made.exclude_from_weight_decay(var_names=["decoder"])


def test_configurations() -> None:
    config = theirs.SGD(0.1).get_config()
    assert config["learning_rate"] != 0.1
    assert SGD(0.1).get_config()["learning_rate"] == 0.1
    nested = theirs.LossScaleOptimizer(theirs.SGD(0.1)).get_config()
    before = copy.deepcopy(nested)
    theirs.LossScaleOptimizer.from_config(nested)
    assert nested != before
    own = ours.serialize(LossScaleOptimizer(SGD(0.1)))
    before = copy.deepcopy(own)
    ours.deserialize(own)
    assert own == before


def test_the_floor_of_a_dynamic_loss_scale() -> None:
    optimizer = LossScaleOptimizer(SGD())
    peer = theirs.LossScaleOptimizer(theirs.SGD())
    train(optimizer, peer, [[float("inf")]] * 200)
    assert optimizer.dynamic_scale == 1.0
    assert float(peer.dynamic_scale.numpy()) == 0.0


def test_a_state_that_does_not_fit() -> None:
    small, large = theirs.Adam(), theirs.Adam()
    small.build([keras.Variable(one())])
    large.build([keras.Variable(one()), keras.Variable(one())])
    store: dict[str, Any] = {}
    large.save_own_variables(store)
    assert set(store) == {str(i) for i in range(len(store))}
    with pytest.warns(UserWarning, match="Skipping"):
        small.load_own_variables(store)

    mine, other, written = Adam(), Adam(), dict[str, Any]()
    mine.build({"a": one()})
    other.build({"a": one(), "b": one()})
    other.save_own_variables(written)
    assert {"a/velocity", "b/velocity"} <= set(written)
    with pytest.raises(ValueError, match="a variable 'b' too many"):
        mine.load_own_variables(written)


def test_schedules_of_other_hyperparameters() -> None:
    with pytest.raises((TypeError, ValueError, AttributeError)):
        train(
            SGD(),
            theirs.SGD(0.5, momentum=theirs.schedules.ExponentialDecay(0.5, 1, 0.5)),
            [[1.0]] * 2,
        )
    optimizer, variable = SGD(0.5, momentum=ExponentialDecay(0.5, 1, 0.5)), one()
    optimizer.apply([one()], [variable])
    optimizer.apply([one()], [variable])
    assert variable == 1 - 0.5 - (0.25 * 0.5 + 0.5)


def test_every_row_of_the_table_has_a_test() -> None:
    page = Path(__file__).parents[2] / "docs" / "keras.md"
    text = page.read_text(encoding="utf-8").split("## Deliberate differences")[1]
    table = [line for line in text.splitlines() if line[:2] == "| "]
    rows = [line.split("|")[1].strip() for line in table[1:] if not line.startswith("| ---")]
    tests = {name for name in globals() if name.startswith("test_")}
    # Other backends have processes of their own.
    tests |= {check.__name__ for check in CHECKS}
    assert {ROWS[row] for row in rows} <= tests


#: The first cell of each row, and its test.
ROWS = {
    "`use_ema` under accumulation": "test_averages_under_accumulation",
    "`ema_overwrite_frequency` under accumulation": "test_overwriting_under_accumulation",
    "no gradient in the last call of a window": "test_no_gradient_on_the_last_call_of_a_window",
    "`use_ema` and constraints": "test_averages_and_constraints",
    "centered `RMSprop` with noisy gradients": "test_centered_rmsprop_with_noisy_gradients",
    "a learning rate as int, NumPy scalar, array or tensor": "test_kinds_of_numbers",
    "a negative number or NaN": "test_negative_numbers_are_taken_by_keras",
    "epsilon of `RMSprop`": "test_epsilon_stands_inside_the_root",
    "replacing a function by a number": "test_from_a_function_to_a_number",
    "replacing a schedule by a number": "test_from_a_schedule_to_a_number",
    "`gradient_accumulation_steps` of 2.5 or 0, `clipnorm=0`": "test_odd_arguments",
    "`exclude_from_weight_decay`": "test_excluding_from_weight_decay",
    "`get_config`, `from_config`": "test_configurations",
    "the dynamic loss scale": "test_the_floor_of_a_dynamic_loss_scale",
    "duplicate rows of an embedding in a batch, on TensorFlow": "check_gradients_of_embeddings",
    "loading a state that doesn't fit": "test_a_state_that_does_not_fit",
    "keys of a state": "test_a_state_that_does_not_fit",
    "schedules": "test_schedules_of_other_hyperparameters",
}
