"""What is said of storage is what kernels do, and errors found are within their bounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from optgen import optimizers
from optgen.analysis.measure.settings import settings
from optgen.analysis.measure.storage import in_storage, stored_step
from optgen.analysis.measure.storage.means import Kind, means
from optgen.analysis.measure.storage.standstill import Standstill
from optgen.compiler.ir.formats import BFLOAT16, FLOAT16, FLOAT32, FLOATS
from optgen.compiler.ir.storage import USUAL, Rounding, Stored
from optgen.compiler.pipeline import load_file, plan_of
from optgen.runtime import codes
from tests.analysis.measure.plans import AROUND, planned
from tests.chosen import first_of

Array = np.ndarray[Any, np.dtype[Any]]
#: The gradient that makes a state's input, or the term of a sum, by the definition of the rule.
CASES: dict[tuple[str, str], Callable[[Array], Array]] = {
    ("Adam", "mean_gradient"): lambda x: x,
    ("Adam", "velocity"): np.sqrt,
    ("RMSprop", "velocity"): np.sqrt,
    ("Adagrad", "accumulator"): np.sqrt,
    ("SGD", "momentum_buffer"): lambda x: (1 - 0.9) * x / -0.01,
}
ARGUMENTS: dict[str, dict[str, float]] = {"SGD": {"momentum": 0.9}}
START = np.geomspace(0.5, 8, 333).astype(np.float32)


def said(name: str, state: str, stored: Stored) -> Standstill:
    found = in_storage(planned(name.lower()), stored).means
    return next(one for one in found if one.mean.state == state)


class Stepping:
    """An optimizer of the runtime, and the state that it stores."""

    def __init__(self, name: str, state: str, dtype: str) -> None:
        arguments: dict[str, Any] = {**ARGUMENTS.get(name, {}), "state_dtype": dtype}
        self._optimizer = getattr(optimizers, name)(**arguments)
        self._state, self._weights = state, np.zeros_like(START)

    def step(self, gradient: Array) -> Array:
        self._optimizer.apply([gradient.astype(np.float32)], [self._weights])
        (kept,) = self._optimizer.state.values()
        found: Array = kept[self._state].astype(np.float64)
        return found


@pytest.mark.usefixtures("python_kernels")
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize(("name", "state"), CASES)
def test_means_stand_still_where_it_is_said(name: str, state: str, dtype: str) -> None:
    found, gradient = said(name, state, Stored(states=dtype)), CASES[name, state]
    is_sum = found.mean.kind is Kind.SUM
    assert is_sum == (name == "Adagrad")

    def after(share: float) -> tuple[Array, Array]:
        run = Stepping(name, state, dtype)
        before = run.step(gradient(START))
        away = share * before
        return before, run.step(gradient(away if is_sum else before + away))

    before, still = after(0.98 * found.least)
    assert (before > 0).all()
    np.testing.assert_array_equal(still, before)
    before, moved = after(1.05 * found.most)
    assert (moved > before).all()
    # Below the second and above the first it depends on the digits.
    before, mixed = after((found.least + found.most) / 2)
    assert 0.2 < (mixed > before).mean() < 0.8


@pytest.mark.usefixtures("python_kernels")
@pytest.mark.parametrize(
    ("name", "state", "dtype"),
    [
        ("Adam", "velocity", "bfloat16"),
        ("Adamax", "infinity_norm", "bfloat16"),
        ("Adam", "velocity", "float16"),
        ("Adam", "mean_gradient", "bfloat16"),
    ],
)
def test_means_that_never_fall(name: str, state: str, dtype: str) -> None:
    found, run = said(name, state, Stored(states=dtype)), Stepping(name, state, dtype)
    before = run.step(START)
    for _ in range(20):
        after = run.step(np.zeros_like(START))
    assert found.stands == (dtype == "bfloat16" and state != "mean_gradient")
    if found.stands:
        np.testing.assert_array_equal(after, before)
        assert "never falls" in found.said()
    else:
        assert (after < before).all()
        assert "never falls" not in found.said()


@pytest.mark.parametrize("dtype", first_of(["int8", "float8", "int4"], 1))
def test_codes_follow_on_average(dtype: str) -> None:
    found = said("Adam", "velocity", Stored(states=dtype))
    optimizer: Any = optimizers.Adam(state_dtype=dtype)
    size, draw = 128 * 64, np.random.default_rng(0)
    weights = np.zeros(size, np.float32)

    def step(gradient: Array) -> Array:
        optimizer.apply([gradient.astype(np.float32)], [weights])
        (kept,) = optimizer.state.values()
        stored = kept["velocity"]
        decoded: Array = codes.CODES[codes.storage_of(stored.dtype)].decoded(stored, size)
        return decoded.astype(np.float64)

    before = step(draw.uniform(0.4, 1, size))
    after = step(np.zeros(size))
    assert found.noise is not None
    assert not found.stands
    assert np.abs(after / before - 1).max() <= found.noise
    for _ in range(199):
        after = step(np.zeros(size))
    assert after.mean() / before.mean() == pytest.approx(0.999**200, rel=0.02)


@pytest.mark.usefixtures("python_kernels")
def test_updates_of_parameters_are_lost_where_it_is_said() -> None:
    """A step of plain descent is as large as the gradient at a learning rate of 1."""
    least, most = (float(half) for half in in_storage(planned("sgd"), Stored(BFLOAT16)).lost)
    start = np.geomspace(0.5, 8, 999).astype(ml_dtypes.bfloat16)
    for share, moves in ((0.98 * least, False), (1.02 * most, True)):
        weights = start.copy()
        gradient = (-share * start.astype(np.float32)).astype(np.float32)
        optimizers.SGD(learning_rate=1.0).apply([gradient.astype(start.dtype)], [weights])
        # The gradient is rounded too, by less than the distance to the limits.
        assert ((weights != start) == moves).all()


@pytest.mark.parametrize(
    ("rounding", "power"),
    first_of(
        [
            (Rounding.NEAREST, -13),
            (Rounding.STOCHASTIC, -13),
            (Rounding.SPLIT8, -13),
            (Rounding.SPLIT8, -19),
            (Rounding.SPLIT, -19),
        ],
        3,
    ),
)
def test_small_updates_add_up_where_it_is_said(rounding: Rounding, power: int) -> None:
    stored = Stored(BFLOAT16, BFLOAT16, rounding=rounding)
    is_lost = 2.0**power < float(in_storage(planned("sgd"), stored).lost[0])
    is_lost &= not stored.draws(stored.param)
    start = START.astype(ml_dtypes.bfloat16)
    weights, gradient = start.copy(), -(2.0**power) * start
    arguments: dict[str, Any] = {"learning_rate": 1.0, "rounding": rounding.value}
    optimizer = optimizers.SGD(**arguments)
    for _ in range(2 ** (-power - 6)):
        optimizer.apply([gradient.astype(start.dtype)], [weights])
    moved = weights.astype(np.float64) / start.astype(np.float64) - 1
    assert moved.mean() == pytest.approx(0 if is_lost else 2.0**-6, rel=0.1)
    assert not is_lost or not moved.any()


@pytest.mark.parametrize(
    "name",
    first_of(["adam", "sgd", "rmsprop", "adagrad", "adamax", "nadam", "padam", "adamg"], 3),
)
@pytest.mark.parametrize("stored", [one for one in USUAL if one.states in FLOATS], ids=str)
def test_errors_found_are_within_the_bounds(name: str, stored: Stored) -> None:
    found = in_storage(planned(name), stored)
    assert found.found is not None
    assert found.found.steps > 20
    assert found.bound is not None
    if found.bound.error is not None and stored.param is not FLOAT32:
        assert 0 < found.found.error <= found.bound.error
        # It's storage that is measured, and not float32.
        assert found.found.error > float(stored.grad.unit) / 100


def test_more_bits_of_states_are_smaller_errors() -> None:
    errors = [
        in_storage(planned("adam"), Stored(states=states)).found
        for states in ("float32", "float16", "bfloat16", "int8", "float8", "int4")
    ]
    sizes = [one.error for one in errors if one is not None]
    assert sizes == sorted(sizes)
    assert len(sizes) == 6


def test_numbers_outside_of_the_range_are_counted() -> None:
    assert in_storage(planned("adam"), Stored(BFLOAT16, BFLOAT16, "bfloat16")).found is not None
    found = in_storage(planned("adam"), Stored(FLOAT16, FLOAT16, "float16")).found
    assert found is not None
    assert found.outside > 0


HALF, CODES = Stored(states="bfloat16"), Stored(states="int8")


def test_shares_are_found_in_each_way_to_write_a_mean(tmp_path: Path) -> None:
    ways = {
        "a": "decay*a + (1 - decay)*grad",
        "b": "b + (1 - decay)*(grad - b)",
        "c": "(1 - decay)*grad**2 + c*decay",
        "d": "grad - decay*(grad - d)",
        "e": "max(abs(grad), e*decay)",
        "f": "f + grad**2",
        "g": "decay*g*grad",
        "h": "where(grad > 0, h, 0.5*h)",
        "i": "sqrt(i)",
    }
    states = "\n".join(f"{name} = {{}}" for name in ways)
    lines = "\n".join(f"{name} = {value}" for name, value in ways.items())
    path = tmp_path / "ways.toml"
    path.write_text(
        f'''name = "Ways"
summary = "Means in many ways."
[hyperparameters]
learning_rate = {{ default = 0.1 }}
decay = {{ default = 0.75, range = "0 <= decay < 1" }}
[state]
{states}
[update]
rule = """
{lines}
param = param - learning_rate*(a + b + c + d + e + f + g + h + i)
"""
''',
        encoding="utf-8",
    )
    plan = plan_of(load_file(path), AROUND)
    found = {mean.state: mean for setting in settings(plan) for mean in means(plan.rule, setting)}
    assert {name: mean.kind.value for name, mean in found.items()} == {
        **dict.fromkeys("abcd", "mean"),
        "e": "maximum",
        "f": "sum",
    }
    assert {mean.share for name, mean in found.items() if name != "f"} == {0.75}


@pytest.mark.usefixtures("python_kernels")
def test_averages_of_parameters_stop_where_it_is_said() -> None:
    """An average with a share of 0.99 is 25 % off its parameter for good in bfloat16."""
    found = said("SGD", "parameter_average", HALF)
    assert (found.mean.feature, found.mean.share) == ("average", 0.99)
    assert 0.15 < found.least < 0.25 < found.most
    # It has no codes, and is float32 where others have them.
    assert said("SGD", "parameter_average", CODES).most < 1e-5
    options: dict[str, Any] = {"use_ema": True, "state_dtype": "bfloat16"}
    optimizer = optimizers.SGD(learning_rate=1.0, **options)
    weights = START.copy()
    optimizer.apply([np.zeros_like(START)], [weights])
    first = weights.astype(ml_dtypes.bfloat16).astype(np.float32)
    optimizer.apply([weights - first * (1 + 0.98 * found.least)], [weights])
    for _ in range(5):
        optimizer.apply([np.zeros_like(START)], [weights])
    (kept,) = optimizer.state.values()
    np.testing.assert_array_equal(kept["parameter_average"].astype(np.float32), first)


def test_headers_name_what_stands_still() -> None:
    found = stored_step(planned("adam"), Stored(BFLOAT16, BFLOAT16, "bfloat16"))
    assert found.standing == ("velocity with beta_2 = 0.999",)
    assert found.error is not None
    assert stored_step(planned("sgd"), Stored(BFLOAT16, BFLOAT16, "bfloat16")).standing == ()
