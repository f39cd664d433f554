"""The schedules that Keras has, against Keras: signatures, values, configurations."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from optgen.optimizers import schedules
from optgen.runtime.schedule import Schedule, deserialize, serialize

NAMES = (
    "ExponentialDecay",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "InverseTimeDecay",
    "CosineDecay",
    "CosineDecayRestarts",
)
STEPS = 10_000
#: The distance between the steps that are tried of the whole way: Keras takes 0.3 ms for each.
APART = 37

#: Each schedule with every switch, and at its edges.
CASES: list[tuple[str, dict[str, Any]]] = [
    ("ExponentialDecay", {"decay_steps": 1000, "decay_rate": 0.9}),
    ("ExponentialDecay", {"decay_steps": 1000, "decay_rate": 0.5, "staircase": True}),
    ("ExponentialDecay", {"decay_steps": 1000, "decay_rate": 0.0}),
    ("PolynomialDecay", {"decay_steps": 3000}),
    ("PolynomialDecay", {"decay_steps": 3000, "end_learning_rate": 0.05, "power": 2.5}),
    ("PolynomialDecay", {"decay_steps": 3000, "power": 0.0}),
    ("PolynomialDecay", {"decay_steps": 700, "power": 0.5, "cycle": True}),
    ("InverseTimeDecay", {"decay_steps": 100, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"decay_steps": 100, "decay_rate": 0.5, "staircase": True}),
    ("CosineDecay", {"decay_steps": 8000}),
    ("CosineDecay", {"decay_steps": 4000, "alpha": 0.1}),
    ("CosineDecay", {"decay_steps": 4000, "warmup_target": 0.2, "warmup_steps": 500}),
    ("CosineDecay", {"decay_steps": 4000, "warmup_target": 0.05}),
    ("CosineDecay", {"decay_steps": 4000, "warmup_steps": 500}),
    ("CosineDecayRestarts", {"first_decay_steps": 512}),
    ("CosineDecayRestarts", {"first_decay_steps": 300, "t_mul": 1.0, "m_mul": 0.8}),
    ("CosineDecayRestarts", {"first_decay_steps": 300, "t_mul": 1.5, "m_mul": 0.9, "alpha": 0.2}),
    ("CosineDecayRestarts", {"first_decay_steps": 300, "t_mul": 3, "m_mul": 0.5}),
]
IDS = [f"{name}-{'-'.join(map(str, case.values()))}" for name, case in CASES]


def both(name: str, arguments: dict[str, Any]) -> tuple[Schedule, Any]:
    if "boundaries" not in arguments:
        arguments = {"initial_learning_rate": 0.1, **arguments}
    ours = getattr(schedules, name)(**arguments)
    return ours, getattr(keras.optimizers.schedules, name)(**arguments)


def values(schedule: Any, steps: np.ndarray) -> np.ndarray:
    return np.array([float(schedule(int(step))) for step in steps])


def tried(periods: Iterable[Any]) -> np.ndarray:
    """Steps of the whole way, and those around each multiple of a period: schedules jump there."""
    whole = [n for n in periods if isinstance(n, int)]
    ends = {times * n for n in whole if n >= 50 for times in range(STEPS // n + 1)} | {*whole}
    near = {end + off for end in ends for off in (-1, 0, 1)}
    return np.array(sorted(n for n in {*range(0, STEPS, APART), *near} if n >= 0))


@pytest.fixture
def float64() -> Iterator[None]:
    """Lets Keras compute its schedules in float64, as ours do."""
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx(before)


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=IDS)
@pytest.mark.usefixtures("float64")
def test_ten_thousand_steps(name: str, arguments: dict[str, Any]) -> None:
    ours, theirs = both(name, arguments)
    steps = tried(arguments.values())
    # Both round a dozen operations in float64; what they are applied to is at most 0.2.
    np.testing.assert_allclose(values(ours, steps), values(theirs, steps), rtol=1e-11, atol=1e-16)


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=IDS)
def test_what_keras_computes_by_default(name: str, arguments: dict[str, Any]) -> None:
    """In float32, Keras's value is right for a slightly different number of calls."""
    ours, theirs = both(name, arguments)
    steps = tried(arguments.values())
    rounding = 2.0**-24
    # Up to eight roundings on the way to the part of the decay that is passed, a jump of the
    # schedule included; after that at most sixteen of values no larger than the largest.
    around = np.array(
        [
            [ours.value_after(step * (1 + k * rounding)) for k in (-8, -4, 0, 4, 8)]
            for step in map(float, steps)
        ]
    )
    slack = 16 * rounding * np.abs(around).max()
    found = values(theirs, steps)
    assert np.all(found >= around.min(axis=1) - slack)
    assert np.all(found <= around.max(axis=1) + slack)


@pytest.mark.parametrize(
    ("boundaries", "levels"),
    [([100], [0.1, 0.01]), ([100, 200, 5000], [0.1, 0.05, 0.2, 0.0]), ([0, 5, 5], [4, 3, 2, 1])],
)
def test_piecewise_constants(boundaries: list[float], levels: list[float]) -> None:
    floats = [float(level) for level in levels]
    ours, theirs = both("PiecewiseConstantDecay", {"boundaries": boundaries, "values": floats})
    steps = tried(boundaries)
    # Nothing is computed: Keras's constants are those of float32.
    assert np.array_equal(values(ours, steps).astype(np.float32), values(theirs, steps))


positive = st.floats(1e-3, 10)
counts = st.integers(1, 5000)
ARGUMENTS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "ExponentialDecay": st.fixed_dictionaries(
        {"decay_steps": counts, "decay_rate": st.floats(0.1, 1.0), "staircase": st.booleans()}
    ),
    "InverseTimeDecay": st.fixed_dictionaries(
        {"decay_steps": counts, "decay_rate": positive, "staircase": st.booleans()}
    ),
    "PolynomialDecay": st.fixed_dictionaries(
        {
            "decay_steps": counts,
            "end_learning_rate": st.floats(0, 1),
            "power": st.floats(0.1, 4),
            "cycle": st.booleans(),
        }
    ),
    "CosineDecay": st.fixed_dictionaries(
        {
            "decay_steps": counts,
            "alpha": st.floats(0, 1),
            "warmup_target": st.one_of(st.none(), st.floats(0, 1)),
            "warmup_steps": st.integers(0, 1000),
        }
    ),
    "CosineDecayRestarts": st.fixed_dictionaries(
        {
            "first_decay_steps": counts,
            "t_mul": st.one_of(st.just(1.0), st.floats(1.1, 4)),
            "m_mul": st.floats(0.1, 1),
            "alpha": st.floats(0, 1),
        }
    ),
}


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
@pytest.mark.usefixtures("float64")
@settings(
    deadline=None,
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data(), rate=positive, step=st.integers(0, STEPS))
def test_random_arguments(name: str, data: st.DataObject, rate: float, step: int) -> None:
    arguments = {"initial_learning_rate": rate, **data.draw(ARGUMENTS[name])}
    ours, theirs = both(name, arguments)
    # Where a schedule jumps, which side one is on is a matter of the last bit.
    sides = [ours.value_after(step * (1 + k * 2.0**-48)) for k in (-1, 0, 1)]
    assume(max(sides) - min(sides) <= 1e-9 * max(sides))
    assert float(theirs(step)) == pytest.approx(ours(step), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_signatures(name: str) -> None:
    def arguments(kind: Any) -> list[tuple[str, Any]]:
        found = inspect.signature(kind).parameters.values()
        return [(p.name, p.default) for p in found if p.kind is not p.VAR_KEYWORD]

    theirs = getattr(keras.optimizers.schedules, name)
    assert arguments(getattr(schedules, name)) == arguments(theirs)


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=IDS)
def test_configurations_are_read_by_both(name: str, arguments: dict[str, Any]) -> None:
    ours, theirs = both(name, arguments)
    assert ours.get_config() == theirs.get_config()
    assert type(theirs).from_config(ours.get_config()).get_config() == theirs.get_config()
    assert type(ours).from_config(theirs.get_config()) == ours


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=IDS)
def test_what_keras_serialized_is_read(name: str, arguments: dict[str, Any]) -> None:
    ours, theirs = both(name, arguments)
    written = keras.saving.serialize_keras_object(theirs)
    assert deserialize(written) == ours
    assert deserialize(keras.optimizers.schedules.serialize(theirs)) == ours
    assert deserialize(json.loads(json.dumps(written))) == ours
    assert serialize(ours)["class_name"] == written["class_name"]
    assert keras.optimizers.schedules.deserialize(serialize(ours)).get_config() == written["config"]
