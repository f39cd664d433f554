"""What rounding would lose is kept or drawn, in whole runs."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import optgen
from optgen import optimizers
from optgen.runtime.core import core_of
from optgen.runtime.state.snapshot import StateError
from tests.chosen import rest_in_full
from tests.runtime.by_rows import by_rows
from tests.runtime.rounding import BFLOAT16, FIRST, FLOAT16, Array, drawn, joined, noise

pytestmark = pytest.mark.filterwarnings("ignore:no gradient for")
FORMS = [(300,), (33, 70), (3, 5, 7, 9), ()]
Order = Literal["C", "F"]
#: Rules with passes over elements and over matrices, and calls of libraries, with features.
RULES: dict[str, dict[str, Any]] = {
    "SGD": {"momentum": 0.9, "nesterov": True, "clipvalue": 0.5},
    "Adam": {"amsgrad": True, "weight_decay": 0.01, "use_ema": True, "ema_overwrite_frequency": 2},
    "Lion": {"clipnorm": 1.0, "gradient_accumulation_steps": 2},
    "ByRows": {"global_clipnorm": 1.0},
    "Adafactor": {"global_clipnorm": 1.0, "use_ema": True},
    "Muon": {"weight_decay": 0.01},
}


def kind_of(name: str) -> Any:
    return by_rows() if name == "ByRows" else getattr(optimizers, name)


def halves(draw: np.random.Generator, order: Order, dtype: np.dtype[Any]) -> list[Array]:
    return [np.asarray(draw.normal(size=form), dtype, order=order) for form in FORMS]


def wide(arrays: Sequence[Array]) -> list[Array]:
    return [np.asarray(array, np.float32, order="K") for array in arrays]


def whole(optimizer: Any, weights: Sequence[Array]) -> list[Array]:
    """Variables with what is kept of them."""
    states = optimizer.state.values()
    return [joined(w, own["remainder"]) for w, own in zip(weights, states, strict=False)]


def assert_same(one: Sequence[Array], other: Sequence[Array]) -> None:
    for have, wanted in zip(one, other, strict=True):
        assert have.dtype == wanted.dtype
        assert np.array_equal(have, wanted)


#: Of the others' kernels those of these have all that rounding changes.
FEW = ("SGD", "Adam", "ByRows")


@pytest.mark.parametrize(
    ("name", "order"),
    rest_in_full(
        ((name, order) for name in RULES for order in ("C", "F")),
        lambda one: one[0] in FEW and one != ("ByRows", "F"),
    ),
)
def test_a_split_run_is_one_in_float32(name: str, order: Order) -> None:
    """Of numbers that bfloat16 has first, with gradients that it has."""
    draw = np.random.default_rng(4)
    weights = halves(draw, order, BFLOAT16)
    kind, others = kind_of(name), wide(weights)
    one, other = kind(0.01, rounding="split", **RULES[name]), kind(0.01, **RULES[name])
    for number in range(6):
        grads = halves(draw, order, BFLOAT16)
        one.apply(grads, weights)
        other.apply(wide(grads), others)
        assert_same(whole(one, weights), others)
        if number:
            assert any(np.any(state["remainder"]) for state in list(one.state.values())[:-1])
    for path, states in other.state.items():
        for state, array in states.items():
            assert np.array_equal(one.state[path][state], array)


def test_eight_further_bits_are_256_times_as_exact() -> None:
    """After many small steps; without them, nothing moves."""
    found = {}
    for rounding in ("nearest", "split8", "split"):
        weights = np.asarray(np.linspace(1, 2, 65)[:-1], BFLOAT16)
        optimizer = optimizers.SGD(2.0**-12, rounding=rounding)
        start = weights.astype(np.float64)
        for _ in range(40):
            optimizer.apply([np.ones_like(weights)], [weights])
        kept = weights if rounding == "nearest" else whole(optimizer, [weights])[0]
        found[rounding] = kept.astype(np.float64) - start
    np.testing.assert_array_equal(found["nearest"], 0)
    np.testing.assert_allclose(found["split8"], -40 * 2.0**-12, atol=40 * 2.0**-16)
    np.testing.assert_allclose(found["split"], -40 * 2.0**-12, atol=40 * 2.0**-24)


@pytest.mark.parametrize(
    ("name", "dtype"),
    rest_in_full(
        [(name, d) for name in ("SGD", "ByRows", "Adafactor") for d in (BFLOAT16, FLOAT16)],
        lambda one: one[0] == "SGD" or one == ("ByRows", BFLOAT16),
    ),
    ids=str,
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_drawn_step_is_that_of_float32_rounded(
    name: str, order: Order, dtype: np.dtype[Any]
) -> None:
    """By the noise of each place in memory; here the parameter is the first buffer."""
    draw, seed = np.random.default_rng(6), 123
    weights, grads = halves(draw, order, dtype), halves(draw, order, dtype)
    kind, others = kind_of(name), wide(weights)
    kind(0.01, rounding="stochastic", rounding_seed=seed).apply(grads, weights)
    kind(0.01).apply(wide(grads), others)
    for tensor, (have, exact) in enumerate(zip(weights, others, strict=True)):
        numbers = noise(np.arange(exact.size), tensor, 2, seed, FIRST)
        expected = drawn(exact.ravel(order="K"), numbers, dtype)
        assert np.array_equal(have.ravel(order="K"), expected)


def test_a_mean_near_one_moves() -> None:
    """A mean of squares of ones is 1 - 0.999**n; rounded to nearest it stops after some steps."""
    steps, found = 400, {}
    for rounding in ("nearest", "stochastic"):
        weights = np.ones(20_000, BFLOAT16)
        optimizer: Any = optimizers.Adam(1e-3, rounding=rounding, state_dtype="bfloat16")
        for _ in range(steps):
            optimizer.apply([np.ones_like(weights)], [weights])
        velocity = optimizer.state["variable_0"]["velocity"]
        assert velocity.dtype == BFLOAT16
        found[rounding] = velocity.astype(np.float64)
    expected = 1 - 0.999**steps
    assert np.abs(found["nearest"] / expected - 1).min() > 0.2
    error = found["stochastic"].std() / np.sqrt(20_000)
    np.testing.assert_allclose(found["stochastic"].mean(), expected, rtol=0, atol=5 * error)
    assert 5 * error < 0.01 * expected


def test_states_of_split_parameters_may_be_drawn() -> None:
    """The first step is that of split parameters; then states differ, and are right in the mean."""
    steps, size = 400, 20_000
    found = {}
    for rounding in ("split", "split+stochastic"):
        weights = np.ones(size, BFLOAT16)
        optimizer: Any = optimizers.Adam(1e-3, rounding=rounding, state_dtype="bfloat16")
        for _ in range(steps):
            optimizer.apply([np.ones_like(weights)], [weights])
        state = optimizer.state["variable_0"]
        assert state["remainder"].dtype == np.int16
        found[rounding] = state["velocity"].astype(np.float64)
    expected = 1 - 0.999**steps
    assert np.abs(found["split"] / expected - 1).min() > 0.2
    error = found["split+stochastic"].std() / np.sqrt(size)
    assert abs(found["split+stochastic"].mean() - expected) < 5 * error < 0.01 * expected


@pytest.mark.parametrize("rounding", ["stochastic", "split", "split8", "split+stochastic"])
@pytest.mark.parametrize("broken_off", [1, 4])
def test_a_run_goes_on_with_the_same_bits(rounding: str, broken_off: int, tmp_path: Path) -> None:
    """From a file, and as a copy."""
    given = {"rounding": rounding, "rounding_seed": 3, "gradient_accumulation_steps": 2}

    def made() -> Any:
        return optimizers.Adam(0.01, **given)

    def run(optimizer: Any, weights: list[Array], numbers: range) -> None:
        for number in numbers:
            grads = halves(np.random.default_rng(number), "C", BFLOAT16)
            optimizer.apply(grads, weights)

    straight = halves(np.random.default_rng(99), "C", BFLOAT16)
    weights = [array.copy() for array in straight]
    first = made()
    run(whole_run := made(), straight, range(8))
    run(first, weights, range(broken_off))
    first.save(tmp_path / "state")
    copied, others = pickle.loads(pickle.dumps((first, weights)))
    resumed = made()
    resumed.build(weights)
    resumed.load(tmp_path / "state")
    for one, arrays in ((resumed, weights), (copied, others)):
        run(one, arrays, range(broken_off, 8))
        assert_same(arrays, straight)
        for path, states in whole_run.state.items():
            for name, array in states.items():
                assert np.array_equal(one.state[path][name], array)


def test_a_state_says_what_is_missing_of_it(tmp_path: Path) -> None:
    weights = [np.ones(3, BFLOAT16)]
    for rounding, title in (("nearest", "plain"), ("split", "split")):
        optimizer = optimizers.SGD(rounding=rounding)
        optimizer.apply([np.ones(3, BFLOAT16)], weights)
        optimizer.save(tmp_path / title)
    with pytest.raises(StateError, match="remainder"):
        optimizer.load(tmp_path / "plain")


def test_averages_stand_in_with_all_bits(tmp_path: Path) -> None:
    """And variables come back with theirs; a final average stays one."""
    draw = np.random.default_rng(8)
    weights = halves(draw, "C", BFLOAT16)
    one: Any = optimizers.Adam(0.01, use_ema=True, ema_momentum=0.5, rounding="split")
    other: Any = optimizers.Adam(0.01, use_ema=True, ema_momentum=0.5)
    others = wide(weights)
    for _ in range(3):
        grads = halves(draw, "C", BFLOAT16)
        one.apply(grads, weights)
        other.apply(wide(grads), others)
    with one.averaged(), other.averaged():
        assert_same(whole(one, weights), others)
    assert_same(whole(one, weights), others)
    one.finalize_variable_values()
    other.finalize_variable_values()
    grads = halves(draw, "C", BFLOAT16)
    one.apply(grads, weights)
    other.apply(wide(grads), others)
    assert_same(whole(one, weights), others)


def test_what_evaluation_computes_has_all_bits() -> None:
    draw = np.random.default_rng(9)
    weights = halves(draw, "C", BFLOAT16)
    kind: Any = optimizers.ScheduleFreeSGD
    one, other, others = kind(0.1, rounding="split"), kind(0.1), wide(weights)
    for _ in range(3):
        grads = halves(draw, "C", BFLOAT16)
        one.apply(grads, weights)
        other.apply(wide(grads), others)
        with one.averaged(), other.averaged():
            assert_same(whole(one, weights), others)
        assert_same(whole(one, weights), others)


def test_constraints_and_second_points_have_all_bits() -> None:
    draw = np.random.default_rng(10)
    weights = halves(draw, "C", BFLOAT16)

    def shrunk(array: Array) -> Array:
        return array * np.float32(0.999)

    given = {"constraints": {"variable_1": shrunk}, "sam_radius": 0.1}
    kind: Any = optgen.compile("sgd", "sam")
    one, other, others = kind(0.1, rounding="split", **given), kind(0.1, **given), wide(weights)
    one.build(weights)
    other.build(others)
    for number in range(4):
        if number % 2:
            grads = halves(draw, "C", BFLOAT16)
            one.perturb(grads)
            other.perturb(wide(grads))
            assert_same(whole(one, weights), others)
        grads = halves(draw, "C", BFLOAT16)
        one.apply(grads)
        other.apply(wide(grads))
        assert_same(whole(one, weights), others)


def test_a_failing_constraint_changes_nothing() -> None:
    weights = np.array([1.0, 2.0], BFLOAT16)
    fails = False

    def fragile(array: Array) -> Array:
        if fails:
            raise RuntimeError("no")
        return array

    optimizer: Any = optimizers.SGD(1e-3, rounding="split", constraints={"*": fragile})
    optimizer.apply([np.ones(2, BFLOAT16)], [weights])
    before = whole(optimizer, [weights])[0]
    fails = True
    with pytest.raises(RuntimeError, match="no"):
        optimizer.apply([np.ones(2, BFLOAT16)])
    assert before.tobytes() == whole(optimizer, [weights])[0].tobytes()


def test_two_points_of_a_call_are_rounded_by_noise_of_their_own() -> None:
    """The way there is a quarter of a unit, and so is the update from where it began."""
    weights = np.ones(30_000, BFLOAT16)
    optimizer: Any = optgen.compile("sgd", "sam")(1.0, sam_radius=1.0, rounding="stochastic")
    optimizer.build([weights])
    quarter = np.full_like(weights, 2.0**-9)
    optimizer.perturb([np.full_like(weights, 1 / 173.2 / 2.0)])
    moved = weights.astype(np.float64) != 1
    optimizer.apply([-quarter])
    updated = weights.astype(np.float64) != 1
    assert 0.05 < moved.mean() < 0.95
    assert 0.05 < updated.mean() < 0.95
    assert abs(np.corrcoef(moved, updated)[0, 1]) < 0.05


def test_overwritten_and_wide_variables_keep_nothing() -> None:
    weights = {"scale": np.ones(3, BFLOAT16), "kernel": np.ones(3, np.float32)}
    optimizer: Any = optimizers.SGD(0.5, rounding="split", overwrite_with_gradient=["scale"])
    grads = {"scale": np.full(3, 5, BFLOAT16), "kernel": np.ones(3, np.float32)}
    optimizer.apply(grads, weights)
    assert weights["scale"].tolist() == [5, 5, 5]
    assert not any("remainder" in states for states in optimizer.state.values())


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no rounding 'stochastik'.*stochastic"):
        optimizers.SGD(rounding="stochastik")
    for seed in (-1, 2**63, 0.5, True):
        with pytest.raises(ValueError, match="rounding_seed"):
            optimizers.SGD(rounding_seed=seed)
    weights = {"kernel": np.ones(3, FLOAT16)}
    optimizer: Any = optimizers.SGD(rounding="split")
    with pytest.raises(TypeError, match=r"'kernel' is float16.*'stochastic'"):
        optimizer.build(weights)


def test_the_configuration_has_rounding() -> None:
    optimizer: Any = optimizers.SGD(rounding="split8", rounding_seed=4)
    config = optimizer.get_config()
    assert (config["rounding"], config["rounding_seed"]) == ("split8", 4)
    again = optimizers.SGD.from_config(config)
    assert core_of(again).treatment.storage.rounding == "split8"
