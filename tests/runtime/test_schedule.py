"""What every schedule can do, besides its rule."""

from __future__ import annotations

import copy
import json
import math
import pickle
from typing import Any

import numpy as np
import pytest

from optgen.optimizers import schedules
from optgen.optimizers.schedules import (
    CosineDecay,
    ExponentialDecay,
    OneCycle,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from optgen.runtime import Schedule
from optgen.runtime.scalars import clip, piecewise, sign
from optgen.runtime.schedule import deserialize, serialize

#: Enough to make each.
ARGUMENTS: dict[str, list[Any]] = {
    "CosineDecay": [0.1, 100, 0.01, "mine", 0.2, 10],
    "CosineDecayRestarts": [0.1, 10],
    "ExponentialDecay": [0.1, 100, 0.9, True],
    "InverseTimeDecay": [0.1, 100, 0.9],
    "LinearWarmup": [0.0, 0.1, 10],
    "OneCycle": [0.1, 100],
    "PiecewiseConstantDecay": [[10, 20], [0.3, 0.2, 0.1]],
    "PolynomialDecay": [0.1, 100],
    "WarmupStableDecay": [0.1, 10, 50, 10],
}


def make(name: str) -> Schedule:
    found: Schedule = getattr(schedules, name)(*ARGUMENTS[name])
    return found


def test_every_schedule_is_here() -> None:
    assert set(schedules.__all__) == set(ARGUMENTS)


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_round_trips(name: str) -> None:
    schedule = make(name)
    config = schedule.get_config()
    before = copy.deepcopy(config)
    written = json.loads(json.dumps(serialize(schedule)))
    assert written["class_name"] == name
    for twin in (
        type(schedule).from_config(config),
        deserialize(written),
        pickle.loads(pickle.dumps(schedule)),
        copy.deepcopy(schedule),
        copy.copy(schedule),
        eval(repr(schedule), vars(schedules).copy()),
    ):
        assert twin == schedule
        assert hash(twin) == hash(schedule)
        assert [twin(k) for k in range(30)] == [schedule(k) for k in range(30)]
    assert config == before


def test_equality_needs_class_and_arguments() -> None:
    schedule = PolynomialDecay(0.1, 100)
    assert schedule == PolynomialDecay(0.1, 100.0)
    assert schedule != PolynomialDecay(0.1, 101)
    assert schedule != PolynomialDecay(0.1, 100, name="other")
    assert schedule != CosineDecay(0.1, 100)
    assert schedule != 0.1


def test_a_configuration_is_no_way_in() -> None:
    schedule = PiecewiseConstantDecay([10], [2, 1])
    schedule.get_config()["values"][0] = 7
    assert schedule(0) == 2


@pytest.mark.parametrize("name", ["decay_rate", "name", "anything"])
def test_attributes_are_read_only(name: str) -> None:
    schedule = ExponentialDecay(0.1, 100, 0.9)
    before = schedule.get_config()
    with pytest.raises(AttributeError, match=name):
        setattr(schedule, name, 1.0)
    with pytest.raises(AttributeError, match=name):
        delattr(schedule, name)
    assert schedule.get_config() == before
    assert (schedule.decay_rate, schedule.staircase) == (0.9, False)


def test_an_attribute_that_is_not_there() -> None:
    assert not hasattr(ExponentialDecay(0.1, 100, 0.9), "decay")


@pytest.mark.parametrize("step", [7, 7.0, np.int64(7), np.uint8(7), np.array(7), np.float32(7)])
def test_ways_to_say_seven(step: Any) -> None:
    schedule = ExponentialDecay(0.1, 10, 0.5)
    value = schedule(step)
    assert type(value) is float
    assert value == pytest.approx(0.1 * 0.5**0.7)


@pytest.mark.parametrize("step", ["7", None, True, [7], np.array([7]), 7j])
def test_what_is_no_number_of_calls(step: Any) -> None:
    with pytest.raises(TypeError, match="step"):
        ExponentialDecay(0.1, 10, 0.5)(step)


@pytest.mark.parametrize("step", [-1, 0.5, math.nan, math.inf, 10**400])
def test_numbers_of_calls_that_cannot_be(step: Any) -> None:
    with pytest.raises(ValueError, match="step"):
        ExponentialDecay(0.1, 10, 0.5)(step)


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="decay_steps > 0"):
        PolynomialDecay(0.1, 0)
    with pytest.raises(TypeError, match="decay_steps"):
        PolynomialDecay(0.1, "100")
    with pytest.raises(TypeError, match="did you mean 'power'"):
        PolynomialDecay(0.1, 100, powr=2)
    with pytest.raises(TypeError, match="cycle must be True or False"):
        PolynomialDecay(0.1, 100, cycle=1)
    with pytest.raises(TypeError, match="name"):
        PolynomialDecay(0.1, 100, name=3)
    with pytest.raises(ValueError, match="total_steps must be an integer"):
        OneCycle(0.1, 2.5)


@pytest.mark.parametrize(
    ("boundaries", "values", "message"),
    [
        ([1, 2], [1, 2], "2 bounds need 3 levels"),
        ([2, 1], [1, 2, 3], "must not decrease"),
        ([1], [1, -2], r"values\[1\]"),
    ],
)
def test_lists_are_checked(boundaries: list[float], values: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PiecewiseConstantDecay(boundaries, values)


@pytest.mark.parametrize("boundaries", [3, "12", None, {1: 2}, [[1]], ["1"]])
def test_what_is_no_list_of_numbers(boundaries: Any) -> None:
    with pytest.raises(TypeError, match="boundaries"):
        PiecewiseConstantDecay(boundaries, [1, 2])


def test_arrays_are_lists() -> None:
    ours = PiecewiseConstantDecay(np.array([10, 20]), np.array([3.0, 2.0, 1.0]))
    assert ours == PiecewiseConstantDecay([10, 20], (3, 2, 1))
    assert ours.boundaries == (10, 20)


def test_a_value_that_is_not_finite_is_an_error() -> None:
    growing = ExponentialDecay(1.0, 1, 10.0)
    assert growing(2) == 100
    with pytest.raises(ValueError, match="ExponentialDecay: no value after 400 calls"):
        growing(400)
    with pytest.raises(ValueError, match="no finite value after 308 calls"):
        ExponentialDecay(100.0, 1, 10.0)(308)


@pytest.mark.parametrize("mapping", [None, "ExponentialDecay", [("class_name", "x")]])
def test_what_is_no_mapping(mapping: Any) -> None:
    with pytest.raises(TypeError, match="mapping"):
        deserialize(mapping)


@pytest.mark.parametrize(
    "mapping",
    [
        {},
        {"class_name": "CosineDecay"},
        {"config": {}},
        {"class_name": "CosineDecay", "config": {}, "more": 1},
        {"class_name": "Schedule", "config": {}},
        {"class_name": "os.system", "config": {"command": "true"}},
    ],
)
def test_what_was_not_serialized(mapping: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"serialized schedule has|no schedule"):
        deserialize(mapping)


def test_an_unknown_class_is_told_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'CosineDecay'"):
        deserialize({"class_name": "CosinDecay", "config": {}})


@pytest.mark.parametrize("part", ["class_name", "config"])
def test_parts_of_the_wrong_kind(part: str) -> None:
    with pytest.raises(TypeError, match=part):
        deserialize({**serialize(CosineDecay(0.1, 10)), part: 3})


def test_only_schedules_are_serialized() -> None:
    with pytest.raises(TypeError, match=r"0\.1"):
        serialize(0.1)  # type: ignore[arg-type]


def test_a_schedule_without_a_rule_cannot_be_made() -> None:
    with pytest.raises(NotImplementedError, match="Schedule"):
        Schedule("base", {})


def test_functions_of_the_language() -> None:
    assert [sign(x) for x in (-2.0, 0.0, 0.5)] == [-1, 0, 1]
    assert [clip(x, 1.0, 2.0) for x in (0.0, 1.5, 3.0)] == [1, 1.5, 2]
    assert [piecewise(x, [1, 2], [7, 8, 9]) for x in (0, 1, 1.5, 2, 3)] == [7, 7, 8, 8, 9]
    assert piecewise(5, [], [7]) == 7
