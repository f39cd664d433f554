"""Captured steps: what was launched while a call was recorded is launched again, and no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import optgen.optimizers as oo
from optgen.runtime.cuda import simulated_driver
from optgen.runtime.cuda.arrays import on_device
from tests.runtime.cuda.arrays import Host, all_on_device

Recorder = Callable[[Callable[[], object]], Callable[[], None]]


@pytest.fixture
def capture(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Runs something as if it were captured; returns what replays it.

    Here the launches of a capture have been made once, as by a first replay.
    """
    launch = simulated_driver.Launch.__call__
    recorded: list[tuple[Any, int, int]] | None = None

    def noting(self: Any, blocks: int, stream: int) -> None:
        if recorded is not None:
            recorded.append((self, blocks, stream))
        launch(self, blocks, stream)

    def capture(work: Callable[[], object]) -> Callable[[], None]:
        nonlocal recorded
        kept: list[tuple[Any, int, int]] = []
        recorded = kept
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(simulated_driver, "is_capturing", lambda device, stream: True)
            try:
                work()
            finally:
                recorded = None

        def replay() -> None:
            for made, blocks, stream in kept:
                launch(made, blocks, stream)

        return replay

    monkeypatch.setattr(simulated_driver.Launch, "__call__", noting)
    return capture


def draw(seed: int) -> dict[str, Host]:
    found = np.random.default_rng(seed)
    return {path: found.normal(size=20).astype(np.float32) for path in ("a", "b")}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"global_clipnorm": 0.5, "use_ema": True},
        {"on_nonfinite": "skip"},
        {"gradient_accumulation_steps": 3},
    ],
    ids=str,
)
def test_replays_count_as_calls(capture: Recorder, values: dict[str, Any]) -> None:
    host, device = draw(0), all_on_device(draw(0))
    ours, theirs = (oo.Adam(0.1, **values) for _ in range(2))
    ours.build(device)
    theirs.build(host)
    row, host_row = all_on_device(draw(1)), draw(1)
    ours.apply(row)
    replay = capture(lambda: ours.apply(row))
    for _ in range(3):
        replay()
    for _ in range(5):
        theirs.apply(host_row)
    check(ours, theirs, device, host)
    # What is set between two replays counts, and a call beside them does too.
    ours.learning_rate = theirs.learning_rate = 0.7
    replay()
    ours.apply(row)
    for _ in range(2):
        theirs.apply(host_row)
    check(ours, theirs, device, host)


def check(ours: Any, theirs: Any, device: Any, host: Any) -> None:
    assert (ours.iterations, ours._iterations) == (theirs.iterations, theirs._iterations)
    for path, array in host.items():
        np.testing.assert_allclose(device[path].copy_to_host(), array, rtol=2e-6)


def test_a_gradient_that_became_infinite_is_skipped_in_a_replay(capture: Recorder) -> None:
    device, row = all_on_device(draw(0)), all_on_device(draw(1))
    optimizer = oo.LossScaleOptimizer(oo.SGD(), initial_scale=64.0, dynamic_growth_steps=100)
    optimizer.build(device)
    optimizer.apply(row)
    replay = capture(lambda: optimizer.apply(row))
    before = device["a"].copy_to_host()
    odd = np.full(20, np.inf, np.float32)
    simulated_driver.upload(0, row["b"].address, odd, 0)
    replay()
    np.testing.assert_array_equal(device["a"].copy_to_host(), before)
    assert optimizer.iterations == 2
    assert optimizer.dynamic_scale == 32.0


def test_a_file_may_be_loaded_between_replays(capture: Recorder, tmp_path: Any) -> None:
    host, device, row = draw(0), all_on_device(draw(0)), all_on_device(draw(1))
    ours, theirs = (oo.Adam(0.1) for _ in range(2))
    ours.build(device)
    theirs.build(host)
    ours.apply(row)
    replay = capture(lambda: ours.apply(row))
    for _ in range(7):
        theirs.apply(draw(1))
    theirs.save(tmp_path / "state")
    ours.load(tmp_path / "state")
    assert ours.iterations == 7
    for path, array in host.items():
        simulated_driver.upload(0, device[path].address, array, 0)
    replay()
    theirs.apply(draw(1))
    check(ours, theirs, device, host)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"learning_rate": lambda: 0.1}, "a graph can't compute learning_rate"),
        ({"learning_rate": oo.schedules.ExponentialDecay(0.1, 2, 0.5)}, "can't compute learning"),
        ({"constraints": {"a": lambda x: x}}, "can't be captured"),
        ({"overwrite_with_gradient": ["a"]}, "can't be captured"),
    ],
    ids=["function", "schedule", "constraint", "overwriting"],
)
def test_what_can_t_be_captured(capture: Recorder, arguments: dict[str, Any], match: str) -> None:
    device = all_on_device(draw(0))
    optimizer = oo.SGD(**arguments)
    optimizer.build(device)
    with pytest.raises(RuntimeError, match=match):
        capture(lambda: optimizer.apply(all_on_device(draw(1))))
    assert optimizer.iterations == 0


def test_a_missing_gradient_can_t_be_captured_while_gradients_are_gathered(
    capture: Recorder,
) -> None:
    optimizer = oo.SGD(gradient_accumulation_steps=2)
    optimizer.build(all_on_device(draw(0)))
    row: Any = {"a": on_device(draw(1)["a"]), "b": None}
    with (
        pytest.warns(UserWarning, match="no gradient for b"),
        pytest.raises(RuntimeError, match="some are missing"),
    ):
        capture(lambda: optimizer.apply(row))
