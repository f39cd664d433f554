"""Repeats, streams, sizes and graphs on a GPU."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from cuda.bindings import driver

import optgen.optimizers as oo
from optgen.runtime.cuda.arrays import DeviceArray, Host, on_device, view_of
from optgen.runtime.cuda.driver import copy, download, on, upload

EVERY: dict[str, Any] = {
    "learning_rate": 0.01,
    "global_clipnorm": 1.0,
    "weight_decay": 0.01,
    "use_ema": True,
    "loss_scale_factor": 8.0,
}


def draw(seed: int) -> list[Host]:
    found = np.random.default_rng(seed)
    sizes = (1_000_003, 1, 77, 4096)
    return [found.normal(size=size).astype(np.float32) for size in sizes]


def on_gpu(arrays: list[Host]) -> list[DeviceArray]:
    return [on_device(array) for array in arrays]


def bits(arrays: list[DeviceArray]) -> list[bytes]:
    return [array.copy_to_host().tobytes() for array in arrays]


def trained(steps: int, **values: Any) -> list[bytes]:
    variables = on_gpu(draw(0))
    optimizer = oo.Adam(**EVERY, **values)
    optimizer.build(variables)
    for seed in range(steps):
        optimizer.apply(on_gpu(draw(seed)))
    return bits(variables)


@pytest.mark.parametrize("values", [{}, {"on_nonfinite": "skip"}], ids=str)
def test_repeats_are_alike_to_the_last_bit(values: dict[str, Any]) -> None:
    first = trained(5, **values)
    assert all(trained(5, **values) == first for _ in range(3))


def test_two_streams(streams: Any) -> None:
    expected = trained(4)
    runs = []
    for _ in range(2):
        variables = on_gpu(draw(0))
        optimizer = oo.Adam(**EVERY)
        rows = [on_gpu(draw(seed)) for seed in range(4)]
        runs.append((streams.new(), optimizer, variables, rows))
    for stream, optimizer, variables, _ in runs:
        with streams.current(stream):
            optimizer.build(variables)
    for step in range(4):
        for stream, optimizer, _, rows in runs:
            with streams.current(stream):
                optimizer.apply(rows[step])
    streams.wait()
    for _, _, variables, _ in runs:
        assert bits(variables) == expected


def filled(size: int, value: float) -> DeviceArray:
    """A long array of one value, without as much memory on the host."""
    array = DeviceArray(0, (size,), np.dtype(np.float32))
    block = np.full(min(size, 2**20), value, np.float32)
    upload(0, array.address, block, 0)
    done = len(block)
    while done < size:
        more = min(done, size - done)
        copy(0, array.address + 4 * done, array.address, 4 * more, 0)
        done += more
    return array


def test_more_elements_than_an_int32_counts() -> None:
    size = 2**31 + 7
    with on(0):
        _, free, _ = driver.cuMemGetInfo()
    if free < 9 * size:
        pytest.skip(f"needs {9 * size / 2**30:.0f} GiB of the GPU's memory")
    variable, gradient = filled(size, 1.0), filled(size, 0.5)
    optimizer = oo.SGD(0.5, global_clipnorm=1e9)
    optimizer.build([variable])
    optimizer.apply([gradient])
    for start in (0, 2**31 - 1000, size - 1000):
        found = np.empty(1000, np.float32)
        download(0, found, view_of(variable).address + 4 * start, 0)
        np.testing.assert_array_equal(found, np.float32(0.75))
    assert optimizer.gradient_norm == pytest.approx(0.5 * math.sqrt(size), rel=1e-6)


def ask(result: Any) -> Any:
    assert result[0] == driver.CUresult.CUDA_SUCCESS, result[0]
    return result[1] if len(result) > 1 else None


@pytest.mark.parametrize(
    "values",
    [{}, {"on_nonfinite": "skip"}, {"gradient_accumulation_steps": 2}],
    ids=str,
)
def test_a_captured_step(streams: Any, values: dict[str, Any]) -> None:
    """A graph that is replayed makes steps as calls do: each counts."""
    steps = 6
    row = on_gpu(draw(1))
    straight = on_gpu(draw(0))
    called = oo.Adam(**EVERY, **values)
    called.build(straight)
    for _ in range(steps):
        called.apply(row)

    replayed = on_gpu(draw(0))
    optimizer = oo.Adam(**EVERY, **values)
    stream = streams.new()
    with streams.current(stream):
        optimizer.build(replayed)
        optimizer.apply(row)  # Compiles, and brings all tables to the device.
        streams.wait()
        with on(0):
            mode = driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_GLOBAL
            ask(driver.cuStreamBeginCapture(stream, mode))
            optimizer.apply(row)
            graph = ask(driver.cuStreamEndCapture(stream))
            executable = ask(driver.cuGraphInstantiate(graph, 0))
            for _ in range(steps - 1):
                ask(driver.cuGraphLaunch(executable, stream))
        streams.wait()
        assert optimizer._iterations == steps
        assert_close(replayed, straight)
        # A rate that is set between two replays counts.
        optimizer.learning_rate = called.learning_rate = 0.5
        with on(0):
            ask(driver.cuGraphLaunch(executable, stream))
        streams.wait()
    called.apply(row)
    assert_close(replayed, straight)


def assert_close(found: list[DeviceArray], expected: list[DeviceArray]) -> None:
    """As close as scalars are that the device computes and those of the host."""
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.copy_to_host(), theirs.copy_to_host(), rtol=1e-6, atol=1e-7)
