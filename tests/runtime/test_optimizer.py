"""The class: hyperparameters, configuration, counters, missing gradients."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import optgen.optimizers
from optgen.optimizers import SGD, Adam, AdamW, RMSprop
from optgen.runtime import Optimizer

NAMES = sorted({*optgen.optimizers.list()} - {"LossScaleOptimizer"})
CLASSES: list[Any] = [getattr(optgen.optimizers, name) for name in NAMES]


@pytest.mark.parametrize("cls", CLASSES)
def test_config_round_trip(cls: Any) -> None:
    optimizer = cls(learning_rate=0.3, maximize=True, clipnorm=2, name="mine")
    config = optimizer.get_config()
    before = dict(config)
    assert cls.from_config(config).get_config() == before == config
    assert set(config) == set(inspect.signature(cls).parameters) - {"kwargs"}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"learning_rate": -1}, ValueError, "learning_rate >= 0"),
        ({"learning_rate": float("nan")}, ValueError, "out of range"),
        ({"learning_rate": float("inf")}, ValueError, "out of range"),
        ({"learning_rate": "fast"}, TypeError, "a number"),
        ({"learning_rate": True}, TypeError, "a number"),
        ({"learning_rate": None}, TypeError, "a number"),
        ({"learning_rate": 10**400}, ValueError, "out of range"),
        ({"learning_rate": np.ma.masked}, TypeError, "a number"),
        ({"learning_rate": np.array([0.1])}, TypeError, "a number"),
        ({"learning_rate": 1j}, TypeError, "a number"),
        ({"nesterov": np.array(1)}, TypeError, "True or False"),
        ({"momentum": 1.5}, ValueError, "0 <= momentum <= 1"),
        ({"nesterov": 1}, TypeError, "True or False"),
        ({"gradient_accumulation_steps": 2.5}, ValueError, "integer"),
        ({"gradient_accumulation_steps": 0}, ValueError, ">= 1"),
        ({"clipnorm": 0}, ValueError, "clipnorm > 0"),
        ({"clipnorm": 1.0, "clipvalue": 1.0}, ValueError, "only one.*clipnorm, clipvalue"),
        ({"learning_rat": 1.0}, TypeError, "did you mean 'learning_rate'"),
        ({"name": 3}, TypeError, "name"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        SGD(**arguments)


@pytest.mark.parametrize("value", [1, np.float32(1), np.int64(1), np.array(1.0)])
def test_numbers_of_any_kind(value: Any) -> None:
    assert SGD(learning_rate=value).learning_rate == 1.0


def test_hyperparameters_are_attributes() -> None:
    optimizer = SGD(momentum=0.5)
    variable = np.zeros(1)
    optimizer.build([variable])
    assert optimizer.momentum == 0.5
    optimizer.learning_rate = 1.0
    optimizer.apply([np.ones(1)])
    assert variable[0] == -1.0
    optimizer.momentum = 0.25
    optimizer.apply([np.zeros(1)])
    assert variable[0] == -1.25
    with pytest.raises(ValueError, match="0 <= momentum <= 1"):
        optimizer.momentum = 2.0
    with pytest.raises(ValueError, match="fixed once"):
        optimizer.momentum = 0.0
    with pytest.raises(ValueError, match="fixed once"):
        optimizer.clipnorm = 1.0
    assert optimizer.get_config()["momentum"] == 0.25
    with pytest.raises(AttributeError, match="momentun"):
        _ = optimizer.momentun


def test_state_that_is_not_needed_is_not_there() -> None:
    variable = np.zeros(3)
    for arguments, expected in (
        ({}, {"velocity"}),
        ({"momentum": 0.5}, {"velocity", "momentum_buffer"}),
        (
            {"centered": True, "use_ema": True},
            {"velocity", "average_gradient", "parameter_average"},
        ),
    ):
        optimizer = RMSprop(**arguments)
        optimizer.build({"w": variable})
        assert set(optimizer.state["w"]) == expected
    assert SGD().variables[2:] == []
    assert SGD().state == {}


def test_the_rows_of_excluded_variables() -> None:
    kernel, bias, scale = np.ones(2), np.ones(2), np.ones(2)
    optimizer = SGD(learning_rate=1.0, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["b.as$"])
    optimizer.exclude_from_weight_decay(var_list=[scale])
    optimizer.build({"layer/kernel": kernel, "layer/bias": bias, "norm/scale": scale})
    optimizer.apply([np.zeros(2)] * 3)
    assert [float(a[0]) for a in (kernel, bias, scale)] == [0.5, 1.0, 1.0]


def test_adamw_decays_by_default() -> None:
    assert AdamW().weight_decay == 0.004
    assert Adam().weight_decay is None
    assert AdamW(weight_decay=None).weight_decay is None


def step(optimizer: Optimizer, *gradients: float | None) -> None:
    optimizer.apply([None if g is None else np.full(2, g) for g in gradients])


@pytest.mark.filterwarnings("ignore:no gradient for")
def test_missing_gradients_in_a_window_count_as_zero() -> None:
    one, other, idle = np.zeros(2), np.zeros(2), np.zeros(2)
    optimizer = SGD(learning_rate=1.0, momentum=0.5, gradient_accumulation_steps=3)
    optimizer.build([one, other, idle])
    step(optimizer, 3.0, None, None)
    step(optimizer, 3.0, 6.0, None)
    assert optimizer.iterations == 0
    assert optimizer._iterations == 2
    step(optimizer, 3.0, None, None)
    assert optimizer.iterations == 1
    np.testing.assert_array_equal([one[0], other[0], idle[0]], [-3.0, -2.0, 0.0])
    for _ in range(2):
        step(optimizer, 0.0, 0.0, None)
    step(optimizer, None, 0.0, 9.0)
    # Momentum carries the first two on; the third had one gradient of three.
    np.testing.assert_array_equal([one[0], other[0], idle[0]], [-4.5, -3.0, -3.0])


@pytest.mark.parametrize(
    "call",
    [
        "optimizer.apply([None, one, None])",
        "optimizer.apply({'a': None, 'b': one, 'c': None})",
        "optimizer.apply_gradients([(None, a), (one, b), (None, c)])",
    ],
)
def test_missing_gradients_are_named_in_one_warning(call: str) -> None:
    variables = {"a": np.zeros(2), "b": np.zeros(2), "c": np.zeros(2)}
    optimizer = SGD()
    optimizer.build(variables)
    with pytest.warns(UserWarning, match="no gradient for a, c") as caught:
        exec(
            compile(call, "the caller", "exec"),
            {"optimizer": optimizer, "one": np.ones(2), **variables},
        )
    assert [warning.filename for warning in caught] == ["the caller"]


@pytest.mark.filterwarnings("ignore:no gradient for")
def test_the_average_takes_every_variable_in() -> None:
    one, idle = np.zeros(2), np.full(2, 8.0)
    optimizer = SGD(learning_rate=1.0, use_ema=True, ema_momentum=0.5)
    optimizer.build([one, idle])
    step(optimizer, 4.0, None)
    step(optimizer, 4.0, None)
    averages = [own["parameter_average"][0] for own in optimizer.state.values()]
    assert averages == [-6.0, 8.0]
    np.testing.assert_array_equal(idle, 8.0)


def test_pairs_and_subsets() -> None:
    one, other = np.zeros(1), np.zeros(1)
    optimizer = SGD(learning_rate=1.0)
    optimizer.build([one, other])
    assert optimizer.apply_gradients([(np.ones(1), other), (np.full(1, 2.0), one)]) == 1
    assert (one[0], other[0]) == (-2.0, -1.0)
    assert "learning_rate=1.0" in repr(optimizer)


@pytest.mark.parametrize("clipping", ["clipnorm", "global_clipnorm"])
@pytest.mark.parametrize("size", [1e25, 1e-30])
def test_norms_hold_where_squares_of_the_dtype_do_not(clipping: str, size: float) -> None:
    weights = np.zeros(2, np.float32)
    SGD(1.0, **{clipping: size}).apply([np.array([3 * size, 4 * size], np.float32)], [weights])
    np.testing.assert_allclose(weights, [-0.6 * size, -0.8 * size], rtol=1e-6)
