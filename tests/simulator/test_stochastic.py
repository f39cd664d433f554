"""Rounding at random on a simulated device: the bits of the CPU, and of the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ml_dtypes import bfloat16

import optgen
import optgen.optimizers as oo
from optgen.runtime.cuda.arrays import on_device
from optgen.runtime.parts import Parts
from tests.runtime.cuda import own
from tests.runtime.cuda.arrays import Shifted, all_on_device
from tests.runtime.rounding import FIRST, drawn, noise
from tests.runtime.test_shards import RANKS, Exchange, Shards, built, here, parts_of
from tests.simulator.test_graphs import capture  # noqa: F401
from tests.simulator.test_halves import (
    ODD,
    SHAPES,
    assert_same,
    bits,
    by_dtype,
    draw,
    pair,
    states,
    step,
)
from tests.simulator.test_split import Copied

pytestmark = pytest.mark.compiled

SEED = 2**40 + 3


def momentum(dtype: Any = None, **more: Any) -> Any:
    """Products and sums that float32 has; so nothing is rounded but what is stored."""
    given = {"momentum": 0.5, "state_dtype": dtype, "rounding": "stochastic", **more}
    return oo.SGD(0.25, rounding_seed=SEED, **given)


def assert_same_states(ours: Any, theirs: Any) -> None:
    for (name, one), (_, other) in zip(states(ours), states(theirs), strict=True):
        found = one.copy_to_host()
        assert found.dtype == other.dtype, name
        np.testing.assert_array_equal(bits(found), bits(other), err_msg=name)


@by_dtype
@pytest.mark.parametrize("state", [None, "bfloat16", "float16"])
def test_steps_have_the_bits_of_the_host(dtype: Any, state: Any) -> None:
    ours, theirs, device, host = pair(lambda: momentum(state), dtype)
    for seed in range(3):
        step(ours, theirs, draw(seed, dtype))
        assert_same(device, host)
        assert_same_states(ours, theirs)
    nearest = pair(lambda: momentum(state, rounding="nearest"), dtype)
    for seed in range(3):
        step(*nearest[:2], draw(seed, dtype))
    assert bits(nearest[3]["d"]).tolist() != bits(host["d"]).tolist()


@by_dtype
def test_float32_variables_have_drawn_states(dtype: Any) -> None:
    ours, theirs, device, host = pair(lambda: momentum(np.dtype(dtype).name), np.float64)
    for seed in range(3):
        step(ours, theirs, draw(seed, np.float64))
    assert_same(device, host)
    assert_same_states(ours, theirs)


@by_dtype
def test_noise_chooses_a_neighbour(dtype: Any) -> None:
    """By its definition, at the ends of ranges too."""
    numbers = np.array([*ODD, *(-one for one in ODD)], np.float32)
    numbers = np.concatenate([numbers, np.random.default_rng(0).normal(size=37)]).astype(dtype)
    variable = on_device(np.zeros_like(numbers))
    optimizer = oo.SGD(0.7, rounding="stochastic", rounding_seed=SEED)
    optimizer.build([variable])
    optimizer.apply([on_device(numbers)])
    exact = np.float32(0) - np.float32(0.7) * numbers.astype(np.float32)
    given = noise(np.arange(exact.size), 0, 2, SEED, FIRST)
    np.testing.assert_array_equal(bits(variable.copy_to_host()), bits(drawn(exact, given, dtype)))


@pytest.mark.parametrize("shift", [2, 4, 6])
def test_memory_off_the_vectors_bounds(shift: int) -> None:
    host, row = draw(3, bfloat16)["d"], draw(4, bfloat16)["d"]
    variable = Shifted(host, shift)
    ours, theirs = momentum("bfloat16"), momentum("bfloat16")
    ours.build([variable])
    theirs.build([host])
    for _ in range(2):
        ours.apply([on_device(row)])
        theirs.apply([row])
    np.testing.assert_array_equal(bits(variable.copy_to_host()), bits(host))


@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_and_columns(order: Any) -> None:
    make: Any = own.package().Factored
    shape: dict[str, tuple[int, ...]] = {"x": (6, 9)}
    host = {"x": np.asarray(draw(1, bfloat16, shape)["x"], order=order)}
    row = {"x": np.asarray(draw(2, bfloat16, shape)["x"], order=order)}
    exact = {"x": host["x"].astype(np.float32, order="K")}
    device = all_on_device(host)
    ours, theirs = make(rounding="stochastic", rounding_seed=SEED), make()
    ours.build(device)
    theirs.build(exact)
    ours.apply(list(all_on_device(row).values()))
    theirs.apply({"x": row["x"].astype(np.float32, order="K")})
    given = noise(np.arange(54), 0, 2, SEED, FIRST)
    wanted = drawn(exact["x"].ravel(order="K"), given, np.dtype(bfloat16))
    np.testing.assert_array_equal(device["x"].copy_to_host().ravel(order="K"), wanted)


def test_a_part_draws_the_noise_of_the_whole() -> None:
    """Segments begin anywhere in a call of Philox."""
    rng = np.random.default_rng(2)
    from tests.extents.formulas import SHAPES as FORMS  # noqa: PLC0415

    held = [np.asarray(rng.normal(size=form), bfloat16) for form in FORMS.values()]
    rows = [[np.asarray(rng.normal(size=a.shape), bfloat16) for a in held] for _ in range(2)]
    storage = {"rounding": "stochastic", "rounding_seed": SEED}
    whole = [array.copy() for array in held]
    core, reader = built(oo.SGD, whole, Parts(), **storage)
    for row in rows:
        core.take(reader.read(dict(zip(FORMS, row, strict=True)), None))
    for rank in range(RANKS):
        parts = parts_of(rank)
        own_parts: Any = [on_device(here(a, part)) for a, part in zip(held, parts, strict=True)]
        shards = Parts(whole=Shards(Exchange(), rank, parts))
        other, other_reader = built(oo.SGD, own_parts, shards, **storage)
        for row in rows:
            grads = [on_device(here(g, part)) for g, part in zip(row, parts, strict=True)]
            other.take(other_reader.read(dict(zip(FORMS, grads, strict=True)), None))
        for k, part in enumerate(parts):
            found = own_parts[k].copy_to_host()
            np.testing.assert_array_equal(bits(found), bits(here(whole[k], part)))


@by_dtype
def test_the_device_counts_the_calls_that_it_makes(dtype: Any, calls: list[str]) -> None:
    ours, theirs, device, host = pair(lambda: momentum(on_nonfinite="skip"), dtype)
    for seed in range(4):
        row = draw(seed, dtype)
        if seed == 1:
            row["d"][5] = np.inf
        calls.clear()
        step(ours, theirs, row)
        assert "download" not in calls
    assert_same(device, host)
    assert_same_states(ours, theirs)
    assert ours.iterations == theirs.iterations == 3


def test_each_replay_has_noise_of_its_own(capture: Any) -> None:  # noqa: F811
    ours, theirs, device, host = pair(lambda: momentum("bfloat16"), bfloat16)
    row = draw(1, bfloat16)
    there = all_on_device(row)
    ours.apply(there)
    replay = capture(lambda: ours.apply(there))
    replay()
    for _ in range(3):
        theirs.apply(row)
    assert_same(device, host)
    assert_same_states(ours, theirs)


def test_two_devices_have_the_noise_of_one() -> None:
    host = draw(0, bfloat16)
    device = {path: on_device(array, int(path == "a")) for path, array in host.items()}
    ours, theirs = momentum(), momentum()
    ours.build(device)
    theirs.build(host)
    for seed in range(2):
        row = draw(seed, bfloat16)
        ours.apply([on_device(array, int(path == "a")) for path, array in row.items()])
        theirs.apply(row)
    assert_same(device, host)


def test_a_second_point_has_noise_of_its_own() -> None:
    kind: Any = optgen.compile("sgd", "sam")

    def make() -> Any:
        return kind(0.25, rounding="stochastic", rounding_seed=SEED, sam_radius=0.5)

    ours, theirs, device, host = pair(make, bfloat16)
    for seed in range(2):
        row = draw(seed, bfloat16)
        ours.perturb(list(all_on_device(row).values()))
        theirs.perturb(row)
        assert any(np.any(host[path] != 0) for path in host)
        step(ours, theirs, draw(10 + seed, bfloat16))
    for path in ("d",):
        one, other = device[path].copy_to_host(), host[path]
        # The norm of all gradients is added in another order.
        assert (bits(one) != bits(other)).mean() < 0.05


@pytest.mark.parametrize("to_host", [True, False], ids=["to-host", "to-device"])
def test_a_run_goes_on_from_a_file(to_host: bool, tmp_path: Any) -> None:
    ours, theirs, device, host = pair(lambda: momentum("float16"), bfloat16, shapes=SHAPES)
    for seed in range(2):
        step(ours, theirs, draw(seed, bfloat16))
    ours.save(tmp_path / "state")
    again = momentum("float16")
    kept = {path: array.copy_to_host() for path, array in device.items()}
    there: Any = kept if to_host else all_on_device(kept)
    again.build(there)
    again.load(tmp_path / "state")
    for seed in range(2, 4):
        row = draw(seed, bfloat16)
        theirs.apply(row)
        again.apply(row if to_host else list(all_on_device(row).values()))
    for path, array in host.items():
        found = kept[path] if to_host else there[path].copy_to_host()
        np.testing.assert_array_equal(bits(found), bits(array), err_msg=path)
    held = again.state if to_host else Copied(again).state
    for path, own_states in theirs.state.items():
        for name, array in own_states.items():
            np.testing.assert_array_equal(bits(held[path][name]), bits(array), err_msg=path)
