"""Hyperparameters that are schedules or functions: all of them, in rules unlike others."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import optgen.optimizers
from optgen.optimizers import SGD, RMSprop
from optgen.optimizers.schedules import CosineDecay, ExponentialDecay, PiecewiseConstantDecay
from optgen.runtime import Array
from tests.numeric.specs import COMPILED, read

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("python_kernels"),
]

CLASSES: list[Any] = [getattr(optgen.optimizers, read(path)["name"]) for path in COMPILED.values()]
NUMBERS = [
    (cls, h)
    for cls in CLASSES
    for h in cls.hyperparameters
    if not h.is_switch and not (cls is not SGD and not h.grouped)
]


def gradients(calls: int) -> list[Array]:
    draw = np.random.default_rng(8)
    return [draw.normal(size=5) for _ in range(calls)]


@pytest.mark.parametrize(
    ("cls", "h"), NUMBERS, ids=lambda x: getattr(x, "name", None) or x.__name__
)
def test_a_schedule_is_as_setting_the_number_before_each_call(cls: Any, h: Any) -> None:
    """Every numeric hyperparameter of every optimizer; features' with one of them."""
    values = [1.0, 2.0, 1.0] if h.integer else [0.25, 0.75, 0.5]
    signs = [values, [-value for value in values], [1 + value for value in values]]
    values = next(v for v in signs if h.allows is None or all(map(h.allows, v)))
    common: dict[str, Any] = {"learning_rate": 0.1}
    common |= {"use_ema": True} if h.name.startswith("ema") else {}
    scheduled, calls = np.ones(5), 6

    def value(before: int) -> float:
        return values[before // 2]

    with_schedule = cls(**{**common, h.name: value})
    with_schedule.build([scheduled])
    by_hand = np.ones(5)
    optimizer = cls(**{**common, h.name: values[0]})
    optimizer.build([by_hand])
    for call, gradient in enumerate(gradients(calls)):
        setattr(optimizer, h.name, value(call))
        optimizer.apply([gradient])
        assert getattr(with_schedule, h.name) == value(call)
        with_schedule.apply([gradient])
    np.testing.assert_array_equal(scheduled, by_hand)


def test_a_scheduled_number_makes_its_guard_true() -> None:
    optimizer = SGD(0.5, momentum=PiecewiseConstantDecay([2], [0.0, 0.5]))
    variable = np.zeros(1)
    optimizer.build([variable])
    assert list(optimizer.state["variable_0"]) == ["momentum_buffer"]
    for expected in (-0.5, -1.0, -1.5, -2.25):
        optimizer.apply([np.ones(1)])
        assert variable == expected


@pytest.mark.parametrize("steps", [None, 3])
def test_keras_s_learning_rates(steps: int | None) -> None:
    """Schedules see calls, counted before this one, also under accumulation."""
    ours_rate = CosineDecay(0.0, 10, warmup_target=0.5, warmup_steps=4)
    their_rate = keras.optimizers.schedules.CosineDecay(0.0, 10, warmup_target=0.5, warmup_steps=4)
    held = np.ones(5, np.float32)
    theirs = keras.Variable(held)
    common: Any = {"gradient_accumulation_steps": steps, "weight_decay": 0.1}
    ours = RMSprop(ours_rate, **common)
    peer = keras.optimizers.RMSprop(their_rate, **common)
    ours.build([held])
    for gradient in gradients(12):
        ours.apply([gradient.astype(np.float32)])
        peer.apply([keras.ops.convert_to_tensor(gradient.astype(np.float32))], [theirs])
        np.testing.assert_allclose(held, theirs.numpy(), atol=1e-5)
        assert ours.learning_rate == pytest.approx(float(peer.learning_rate), rel=1e-5, abs=1e-7)


def test_keras_s_own_schedules_are_taken_too() -> None:
    optimizer = SGD(keras.optimizers.schedules.ExponentialDecay(0.5, 1, 0.5))
    variable = np.zeros(1)
    for _ in range(2):
        optimizer.apply([np.ones(1)], [variable])
    assert variable == -0.75


def test_a_function_is_asked_once_a_call() -> None:
    asked = []

    def rate() -> float:
        asked.append(1)
        return 0.5

    optimizer = SGD(rate, options={"a": {"momentum": 0.5}})
    optimizer.build({"a": np.zeros(1), "b": np.zeros(1)})
    optimizer.apply([np.ones(1), np.ones(1)])
    assert len(asked) == 1


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf"), "fast", None, True])
def test_a_value_out_of_range_is_refused_at_its_step(bad: Any) -> None:
    values = [0.5, 0.5, bad]
    variable = np.zeros(1)
    optimizer = SGD(lambda call: values[call], momentum=0.5)
    optimizer.build([variable])
    for _ in range(2):
        optimizer.apply([np.ones(1)])
    before = variable.copy(), optimizer.state["variable_0"]["momentum_buffer"].copy()
    with pytest.raises((TypeError, ValueError), match="SGD, after 2 calls: learning_rate"):
        optimizer.apply([np.ones(1)])
    after = variable, optimizer.state["variable_0"]["momentum_buffer"]
    np.testing.assert_equal(after, before)
    assert optimizer.iterations == 2
    optimizer.learning_rate = 0.5
    optimizer.apply([np.ones(1)])


def test_what_can_not_change() -> None:
    with pytest.raises(TypeError, match="nesterov is a switch"):
        SGD(nesterov=lambda: True)
    with pytest.raises(TypeError, match="a function of 2 arguments"):
        SGD(lambda a, b: 0.1)


def test_numbers_schedules_and_functions_follow_each_other() -> None:
    optimizer = SGD(lambda: 0.5)
    variable = np.zeros(1)
    optimizer.build([variable])
    for value in (0.25, ExponentialDecay(0.5, 1, 0.5), lambda: 2.0, 1.0):
        optimizer.learning_rate = value
        optimizer.apply([np.ones(1)])
    assert variable == -(0.25 + 0.25 + 2.0 + 1.0)


def test_configurations_keep_schedules_and_functions() -> None:
    schedule = ExponentialDecay(0.1, 10, 0.9)

    def rate() -> float:
        return 0.5

    config = RMSprop(schedule, momentum=rate, rho=schedule).get_config()
    assert config["momentum"] is rate
    assert config["learning_rate"] == config["rho"]
    assert config["rho"]["class_name"] == "ExponentialDecay"
    made = RMSprop.from_config(config)
    assert made.get_config() == config
    assert made.rho == 0.1
