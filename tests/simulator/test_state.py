"""State on a device: files cross over, copies stay, averages stand in, constraints hold."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen.optimizers as oo
from optgen.runtime.cuda.arrays import on_device
from tests.runtime.cuda.arrays import Host, all_on_device


def draw(seed: int) -> dict[str, Host]:
    found = np.random.default_rng(seed)
    return {
        "a": found.normal(size=(6, 9)).astype(np.float32),
        "b": found.normal(size=7).astype(np.float32),
    }


def new() -> Any:
    return oo.Adam(
        0.1, use_ema=True, gradient_accumulation_steps=2, global_clipnorm=1.0, on_nonfinite="skip"
    )


def step(optimizer: Any, seed: int, *, device: bool) -> None:
    row: Any = draw(seed)
    if seed == 3:
        row["a"][0, 0] = np.inf
    optimizer.apply(all_on_device(row) if device else row)


@pytest.mark.parametrize("start", [True, False], ids=["from-device", "from-host"])
@pytest.mark.parametrize("calls", [2, 3, 4])
def test_a_file_crosses_between_host_and_device(tmp_path: Path, start: bool, calls: int) -> None:
    host, device = draw(0), all_on_device(draw(0))
    begun, rest, whole = new(), new(), new()
    begun.build(device if start else host)
    for seed in range(1, calls + 1):
        step(begun, seed, device=start)
    begun.save(tmp_path / "state")
    there: Any = {path: to_host(array) for path, array in (device if start else host).items()}
    onward: Any = there if start else all_on_device(there)
    rest.build(onward)
    rest.load(tmp_path / "state")
    straight = draw(0)
    whole.build(straight)
    for seed in range(1, calls + 4):
        step(whole, seed, device=False)
        if seed > calls:
            step(rest, seed, device=not start)
    assert (rest.iterations, rest._iterations) == (whole.iterations, whole._iterations)
    for path, array in straight.items():
        np.testing.assert_allclose(to_host(onward[path]), array, rtol=1e-5, atol=1e-7)


def to_host(array: Any) -> Host:
    found: Host = array if isinstance(array, np.ndarray) else array.copy_to_host()
    return found


def test_averages_stand_in() -> None:
    device = all_on_device(draw(0))
    optimizer = oo.SGD(0.5, use_ema=True, ema_momentum=0.5)
    optimizer.build(device)
    for seed in range(3):
        optimizer.apply(all_on_device(draw(seed)))
    own = to_host(device["a"])
    average = to_host(optimizer.state["a"]["parameter_average"])
    with optimizer.averaged():
        np.testing.assert_array_equal(to_host(device["a"]), average)
    np.testing.assert_array_equal(to_host(device["a"]), own)
    optimizer.finalize_variable_values()
    np.testing.assert_array_equal(to_host(device["a"]), average)


def clipped(array: Any) -> Any:
    return on_device(np.clip(to_host(array), -0.5, 0.5))


def test_constraints_and_gradients_as_values() -> None:
    results = []
    for device in (True, False):
        start: Any = all_on_device(draw(0)) if device else draw(0)
        optimizer = oo.SGD(
            0.5,
            constraints={"a": clipped if device else lambda x: np.clip(x, -0.5, 0.5)},
            overwrite_with_gradient=["b"],
            gradient_accumulation_steps=2,
            use_ema=True,
            on_nonfinite="skip",
        )
        optimizer.build(start)
        for seed in range(1, 6):
            step(optimizer, seed, device=device)
        results.append({path: to_host(array) for path, array in start.items()})
        assert optimizer.iterations == 2
    for path in results[0]:
        np.testing.assert_array_equal(results[0][path], results[1][path])


def test_a_state_begins_as_its_variable_or_a_number() -> None:
    device = all_on_device(draw(0))
    optimizer = oo.RMSprop()
    optimizer.build(device)
    np.testing.assert_array_equal(to_host(optimizer.state["a"]["velocity"]), np.zeros((6, 9)))


def test_copies_have_arrays_of_their_own() -> None:
    device = all_on_device(draw(0))
    optimizer = oo.SGD(momentum=0.9)
    optimizer.build(device)
    optimizer.apply(all_on_device(draw(1)))
    for other, variables in (copies(optimizer, device, how) for how in ("deepcopy", "pickle")):
        before = to_host(device["a"])
        np.testing.assert_array_equal(to_host(variables["a"]), before)
        other.apply(all_on_device(draw(2)))
        assert (to_host(variables["a"]) != before).any()
        np.testing.assert_array_equal(to_host(device["a"]), before)
    optimizer.apply(all_on_device(draw(2)))
    np.testing.assert_array_equal(to_host(device["a"]), to_host(variables["a"]))


def copies(optimizer: Any, variables: Any, how: str) -> tuple[Any, Any]:
    pair = (optimizer, variables)
    found = copy.deepcopy(pair) if how == "deepcopy" else pickle.loads(pickle.dumps(pair))
    return found[0], found[1]
