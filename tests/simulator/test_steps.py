"""What a step asks of a device: launches, copies, and above all no answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import optgen.optimizers as oo
from optgen.runtime.cuda import deferred
from optgen.runtime.cuda.arrays import DeviceArray, on_device
from tests.runtime.cuda.arrays import Shifted, all_on_device

SHAPES = {"a": (3, 5), "b": (), "c": (0,), "d": (70,)}


def draw(seed: int, shapes: dict[str, tuple[int, ...]] | None = None) -> dict[str, Any]:
    found = np.random.default_rng(seed)
    listed = (SHAPES if shapes is None else shapes).items()
    return {path: np.asarray(found.normal(size=shape), np.float32) for path, shape in listed}


def built(optimizer: Any, seed: int = 0) -> tuple[Any, dict[str, DeviceArray]]:
    variables = all_on_device(draw(seed))
    optimizer.build(variables)
    return optimizer, variables


def gradients(seed: int) -> list[DeviceArray]:
    return list(all_on_device(draw(seed)).values())


def values(arrays: dict[str, DeviceArray]) -> list[Any]:
    return [array.copy_to_host() for array in arrays.values()]


def test_one_launch_updates_all(calls: list[str]) -> None:
    optimizer, _ = built(oo.SGD(momentum=0.9))
    given = gradients(1)
    optimizer.apply(given)
    calls.clear()
    optimizer.apply(given)
    assert calls == ["update"]


def test_changing_scalars_are_brought_along(calls: list[str]) -> None:
    optimizer, _ = built(oo.Adam())
    given = gradients(1)
    optimizer.apply(given)
    calls.clear()
    optimizer.apply(given)
    assert calls == ["upload", "update"]


def test_two_launches_where_a_norm_must_be_known(calls: list[str]) -> None:
    optimizer, _ = built(oo.SGD(global_clipnorm=1.0))
    given = gradients(1)
    optimizer.apply(given)
    calls.clear()
    optimizer.apply(given)
    assert calls == ["update_sums", "update"]


def test_addresses_are_brought_only_where_they_changed(calls: list[str]) -> None:
    optimizer, _ = built(oo.SGD())
    first, second = gradients(1), gradients(2)
    optimizer.apply(first)
    calls.clear()
    optimizer.apply([*first[:3], second[3]])
    optimizer.apply([*first[:3], second[3]])
    assert calls == ["upload", "update", "update"]


@pytest.mark.parametrize("steps", [None, 2])
def test_a_skipped_call_is_the_device_s_business(calls: list[str], steps: int | None) -> None:
    optimizer, variables = built(
        oo.Adam(
            oo.schedules.ExponentialDecay(0.1, 3, 0.5),
            on_nonfinite="skip",
            global_clipnorm=1.0,
            use_ema=True,
            gradient_accumulation_steps=steps,
        )
    )
    odd = gradients(1)
    odd[3] = on_device(np.full(70, np.inf, np.float32))
    optimizer.apply(gradients(2))
    before = values(variables)
    calls.clear()
    optimizer.apply(odd)
    assert "download" not in calls
    for was, now in zip(before, values(variables), strict=True):
        np.testing.assert_array_equal(was, now)
    assert optimizer._iterations == 1


def test_only_raising_waits(calls: list[str]) -> None:
    optimizer, variables = built(oo.SGD(on_nonfinite="raise"))
    before = values(variables)
    odd = gradients(1)
    odd[0] = on_device(np.full((3, 5), np.nan, np.float32))
    with pytest.raises(FloatingPointError, match="not finite of a"):
        optimizer.apply(odd)
    for was, now in zip(before, values(variables), strict=True):
        np.testing.assert_array_equal(was, now)
    assert optimizer.iterations == 0
    calls.clear()
    optimizer.apply(gradients(1))
    assert calls.count("download") == 1


def test_the_scale_of_a_loss_follows_without_being_asked_for(calls: list[str]) -> None:
    ours = oo.LossScaleOptimizer(oo.SGD(0.1), initial_scale=8.0, dynamic_growth_steps=2)
    theirs = oo.LossScaleOptimizer(oo.SGD(0.1), initial_scale=8.0, dynamic_growth_steps=2)
    host = draw(0)
    theirs.build(host)
    built(ours)
    for call in range(9):
        row = draw(call)
        if call in (3, 4):
            row["a"][0, 0] = np.inf
        calls.clear()
        ours.apply(list(all_on_device(row).values()))
        assert "download" not in calls
        theirs.apply(row)
    assert ours.dynamic_scale == theirs.dynamic_scale
    assert ours.step_counter == theirs.step_counter
    assert ours.iterations == theirs.iterations
    # The host goes on from what it was told.
    ours.apply(list(all_on_device(draw(20)).values()))
    theirs.apply(draw(20))
    assert ours.dynamic_scale == theirs.dynamic_scale


@pytest.mark.parametrize("shift", [4, 8, 12, 16])
@pytest.mark.parametrize("what", ["variable", "gradient"])
@pytest.mark.parametrize("norm", [None, 0.5])
def test_memory_off_the_vectors_bounds(shift: int, what: str, norm: float | None) -> None:
    host, row = draw(3)["d"], draw(4)["d"]
    variable = Shifted(host, shift) if what == "variable" else on_device(host)
    gradient = Shifted(row, shift) if what == "gradient" else on_device(row)
    ours, theirs = (oo.SGD(momentum=0.9, clipnorm=norm) for _ in range(2))
    ours.build([variable])
    theirs.build([host])
    for _ in range(2):
        ours.apply([gradient])
        theirs.apply([row])
    np.testing.assert_allclose(variable.copy_to_host(), host, rtol=1e-6)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 31, 32, 33, 63, 64, 65, 130])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_length_of_tail(size: int, dtype: type) -> None:
    found = np.random.default_rng(size)
    host: dict[str, Any] = {"x": found.normal(size=size).astype(dtype), "y": np.ones(1, dtype)}
    row: dict[str, Any] = {"x": found.normal(size=size).astype(dtype), "y": np.ones(1, dtype)}
    device = all_on_device(host)
    ours, theirs = (oo.Adadelta(1.0, global_clipnorm=0.5) for _ in range(2))
    ours.build(device)
    theirs.build(host)
    ours.apply(all_on_device(row))
    theirs.apply(row)
    for path, array in host.items():
        np.testing.assert_allclose(device[path].copy_to_host(), array, rtol=2e-6)


def test_norms_of_numbers_whose_squares_leave_float32() -> None:
    for scale in (1e25, 1e-30):
        host, row = draw(5)["d"], draw(6)["d"] * np.float32(scale)
        variable = on_device(host)
        ours, theirs = (oo.SGD(clipnorm=float(0.5 * scale)) for _ in range(2))
        ours.build([variable])
        theirs.build([host])
        ours.apply([on_device(row)])
        theirs.apply([row])
        assert ours.gradient_norm == pytest.approx(theirs.gradient_norm, rel=1e-6)
        np.testing.assert_allclose(variable.copy_to_host(), host, rtol=1e-6)


def test_the_same_run_gives_the_same_bits() -> None:
    runs = []
    for _ in range(2):
        optimizer, variables = built(oo.Adam(global_clipnorm=0.1, use_ema=True))
        for seed in range(3):
            optimizer.apply(gradients(seed))
        runs.append([array.tobytes() for array in values(variables)])
    assert runs[0] == runs[1]


def test_schedules_follow_the_calls_that_were_made(
    calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With so few places for numbers of calls to come that all of them are used again."""
    monkeypatch.setattr(deferred, "SLOTS", 8)
    found = np.random.default_rng(0)
    host: Any = {"x": np.ones(3, np.float32)}
    device = all_on_device(host)
    ours, theirs = (
        oo.SGD(oo.schedules.InverseTimeDecay(0.1, 1, 0.5), on_nonfinite="skip") for _ in range(2)
    )
    ours.build(device)
    theirs.build(host)
    for _ in range(60):
        row = np.ones(3, np.float32)
        if found.random() < 0.5:
            row[1] = np.inf
        ours.apply([on_device(row)])
        theirs.apply([row])
    assert calls.count("download") < 20
    np.testing.assert_allclose(device["x"].copy_to_host(), host["x"], rtol=1e-6)
    assert ours._iterations == theirs._iterations
    assert ours.learning_rate == theirs.learning_rate


def test_sums_of_other_processes_are_refused() -> None:
    optimizer, _ = built(oo.SGD(global_clipnorm=1.0))
    with pytest.raises(ValueError, match="processes"):
        optimizer._core.model.engine.spread(None)
