"""Split parameters on a simulated device: the bits of the CPU's kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ml_dtypes import bfloat16

import optgen.optimizers as oo
from optgen.runtime.cuda.arrays import on_device
from tests.chosen import first_of
from tests.runtime.cuda import own
from tests.runtime.cuda.arrays import Shifted
from tests.runtime.rounding import joined
from tests.simulator.test_halves import ODD, assert_same, bits, draw, pair, states, step

pytestmark = pytest.mark.compiled

SPLITS = pytest.mark.parametrize("rounding", first_of(["split", "split8"], 1))
SHAPES: dict[str, tuple[int, ...]] = {"a": (3, 5), "b": (), "c": (0,), "d": (107,), "e": (64,)}


def assert_same_states(ours: Any, theirs: Any) -> None:
    for (name, one), (_, other) in zip(states(ours), states(theirs), strict=True):
        found = one.copy_to_host()
        assert found.dtype == other.dtype, name
        np.testing.assert_array_equal(found, other, err_msg=name)


def gradients(seed: int, shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Such that some updates are a fraction of a unit of the parameter, and some larger."""
    found = np.random.default_rng(seed)
    return {
        path: np.asarray(found.normal(size=shape) * 10.0 ** found.uniform(-6, 0, shape), bfloat16)
        for path, shape in shapes.items()
    }


@pytest.mark.parametrize("rounding", ["split", "split8"])
def test_steps_have_the_bits_of_the_host(rounding: Any) -> None:
    ours, theirs, device, host = pair(
        lambda: oo.SGD(0.25, momentum=0.5, rounding=rounding), bfloat16, shapes=SHAPES
    )
    for seed in range(4):
        step(ours, theirs, gradients(seed, SHAPES))
        assert_same(device, host)
        assert_same_states(ours, theirs)
    assert any(np.any(own["remainder"]) for own in theirs.state.values())


@SPLITS
@pytest.mark.parametrize("kind", [oo.Adam, oo.Lion], ids=lambda kind: kind.__name__)
def test_what_is_kept_is_near_a_run_in_float32(rounding: Any, kind: Any) -> None:
    """Weights move by much less than bfloat16 has units."""
    host = draw(0, bfloat16, SHAPES)
    device = {path: on_device(array) for path, array in host.items()}
    wide = {path: on_device(array.astype(np.float32)) for path, array in host.items()}
    ours, exact = kind(1e-4, rounding=rounding, weight_decay=0.01), kind(1e-4, weight_decay=0.01)
    ours.build(device)
    exact.build(wide)
    for seed in range(3):
        row = gradients(seed, SHAPES)
        ours.apply([on_device(one) for one in row.values()])
        exact.apply([on_device(one.astype(np.float32)) for one in row.values()])
    unit = 0.0 if rounding == "split" else 3 * 2.0**-16
    for path, array in wide.items():
        rest = ours.state[path]["remainder"].copy_to_host()
        found = joined(device[path].copy_to_host(), rest)
        np.testing.assert_allclose(found, array.copy_to_host(), rtol=unit, err_msg=path)


@SPLITS
def test_numbers_at_the_ends_of_ranges(rounding: Any) -> None:
    found = np.array([*ODD, *(-one for one in ODD)], np.float32).astype(bfloat16)
    host, row = {"x": np.zeros_like(found)}, {"x": found}
    device = {"x": on_device(host["x"])}
    ours, theirs = (oo.SGD(0.75, rounding=rounding) for _ in range(2))
    ours.build(device)
    theirs.build(host)
    step(ours, theirs, row)
    # The CPU flushes denormal float32, and only those.
    tiny = np.abs(found.astype(np.float32)) < 2 * np.finfo(np.float32).smallest_normal
    kept = device["x"].copy_to_host()
    np.testing.assert_array_equal(bits(kept[~tiny]), bits(host["x"][~tiny]))


@SPLITS
@pytest.mark.parametrize("shift", [2, 4, 6])
def test_memory_off_the_vectors_bounds(rounding: Any, shift: int) -> None:
    host, row = draw(3, bfloat16)["d"], draw(4, bfloat16)["d"]
    variable = Shifted(host, shift)
    ours, theirs = (oo.SGD(2.0**-11, rounding=rounding) for _ in range(2))
    ours.build([variable])
    theirs.build([host])
    for _ in range(3):
        ours.apply([on_device(row)])
        theirs.apply([row])
    np.testing.assert_array_equal(bits(variable.copy_to_host()), bits(host))
    assert_same_states(ours, theirs)


@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_and_columns(order: Any) -> None:
    """Matrices whose rows follow each other, and those that are scattered."""
    make: Any = own.package().Factored
    shape: dict[str, tuple[int, ...]] = {"x": (6, 9)}
    host = {"x": np.asarray(draw(1, bfloat16, shape)["x"], order=order)}
    row = {"x": np.asarray(draw(2, bfloat16, shape)["x"], order=order)}
    device = {"x": on_device(host["x"])}
    ours, theirs = make(rounding="split"), make(rounding="split")
    ours.build(device)
    theirs.build(host)
    for _ in range(3):
        step(ours, theirs, row)
    found, wanted = (
        joined(np.asarray(x), np.asarray(o.state["x"]["remainder"]))
        for x, o in ((device["x"].copy_to_host(), Copied(ours)), (host["x"], theirs))
    )
    np.testing.assert_allclose(found, wanted, rtol=2.0**-21)
    assert np.any(theirs.state["x"]["remainder"])


class Copied:
    """The states of an optimizer on a device, on the host."""

    def __init__(self, optimizer: Any) -> None:
        self.state = {
            path: {name: array.copy_to_host() for name, array in states.items()}
            for path, states in optimizer.state.items()
        }


@SPLITS
@pytest.mark.parametrize("to_host", [True, False], ids=["to-host", "to-device"])
def test_a_run_goes_on_from_a_file(rounding: Any, to_host: bool, tmp_path: Any) -> None:
    make: Any = lambda: oo.SGD(2.0**-10, momentum=0.5, rounding=rounding)  # noqa: E731
    ours, theirs, device, host = pair(make, bfloat16, shapes=SHAPES)
    for seed in range(2):
        step(ours, theirs, gradients(seed, SHAPES))
    ours.save(tmp_path / "state")
    again = make()
    kept = {path: array.copy_to_host() for path, array in device.items()}
    there = kept if to_host else {path: on_device(array) for path, array in kept.items()}
    again.build(there)
    again.load(tmp_path / "state")
    for seed in range(2, 4):
        row = gradients(seed, SHAPES)
        theirs.apply(row)
        again.apply(row if to_host else [on_device(one) for one in row.values()])
    for path, array in host.items():
        found = kept[path] if to_host else there[path].copy_to_host()
        np.testing.assert_array_equal(bits(found), bits(array), err_msg=path)


def test_averages_and_constraints_have_all_bits() -> None:
    """A constraint is given a float32 copy of a variable, and an average replaces all bits."""
    seen: list[Any] = []

    def halved(array: Any) -> Any:
        on_host = array if isinstance(array, np.ndarray) else array.copy_to_host()
        seen.append(on_host.dtype)
        found = on_host / 2
        return found if isinstance(array, np.ndarray) else on_device(found)

    def make() -> Any:
        return oo.SGD(
            2.0**-10, rounding="split", constraints={"d": halved}, use_ema=True, ema_momentum=0.5
        )

    ours, theirs, device, host = pair(make, bfloat16)
    # Building tries them.
    seen.clear()
    for seed in range(3):
        step(ours, theirs, draw(seed, bfloat16))
    assert_same(device, host)
    assert_same_states(ours, theirs)
    assert {*seen} == {np.dtype(np.float32)}
    with ours.averaged(), theirs.averaged():
        assert_same(device, host)
        assert_same_states(ours, theirs)
    assert_same(device, host)
    assert_same_states(ours, theirs)


def test_gradients_that_overflowed_are_skipped() -> None:
    ours, theirs, device, host = pair(
        lambda: oo.SGD(2.0**-10, rounding="split", on_nonfinite="skip"), bfloat16
    )
    row = draw(1, bfloat16)
    row["d"][5] = np.inf
    step(ours, theirs, row)
    for seed in range(2, 4):
        step(ours, theirs, draw(seed, bfloat16))
    assert_same(device, host)
    assert_same_states(ours, theirs)
