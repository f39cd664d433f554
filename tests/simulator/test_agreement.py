"""Every optimizer, feature and switch on a simulated device against the CPU kernels."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

from optgen.runtime import Optimizer
from tests.numeric.settings import ALONE, AT_RANDOM, Setting
from tests.numeric.training import apply, exclude, gradients, new
from tests.simulator.arrays import all_on_device, gradients_on_device

CALLS = 6
#: Fewer elements than in tests of the CPU: each takes Python a millisecond.
SHAPES: dict[str, tuple[int, ...]] = {
    "scale": (),
    "nothing": (0,),
    "one": (1,),
    "dense/kernel": (3, 5),
    "dense/bias": (5,),
    "fortran": (6, 4),
    "several/chunks": (107,),
}
#: A few units in the last place of the largest value: sums are taken in another order.
ULPS = 8


@pytest.mark.parametrize("setting", [*ALONE, *AT_RANDOM[::2]], ids=str)
def test_a_device_computes_what_the_cpu_does(setting: Setting) -> None:
    compare(setting, {})


@pytest.mark.parametrize("setting", [*ALONE, *AT_RANDOM][::5], ids=str)
def test_so_it_does_where_it_decides_whether_to_skip(setting: Setting) -> None:
    compare(setting, {"on_nonfinite": "skip"}, odd_calls=(1, 4))


def compare(setting: Setting, more: dict[str, Any], odd_calls: tuple[int, ...] = ()) -> None:
    draw = np.random.default_rng(zlib.crc32(str(setting).encode()))
    host = {
        f"{dtype.__name__}/{path}": np.asarray(draw.normal(size=shape), dtype)
        for path, shape in SHAPES.items()
        for dtype in (np.float32, np.float64)
        if dtype is np.float32 or path in ("one", "fortran")
    }
    host["float32/fortran"] = np.asfortranarray(host["float32/fortran"])
    device: Any = all_on_device(host)
    ours, theirs = (new(setting.optimizer, **setting.values, **more) for _ in range(2))
    for optimizer, variables in ((ours, device), (theirs, host)):
        exclude(optimizer, variables)
        optimizer.build(variables)
    like = list(host.values())
    for call, row in enumerate(gradients(draw, like, CALLS, missing=0.3)):
        if call in odd_calls:
            next(g for g in row if g is not None and g.size > 1).flat[-1] = np.nan
        ours_row: Any = gradients_on_device(row, like)
        apply(ours, ours_row)
        apply(theirs, row)

    assert (ours.iterations, ours._iterations) == (theirs.iterations, theirs._iterations)
    assert_alike({path: to_host(array) for path, array in device.items()}, host)
    for path, states in theirs.state.items():
        found = {name: to_host(array) for name, array in ours.state[path].items()}
        assert_alike(found, states)
    if theirs.gradient_norm is not None:
        assert ours.gradient_norm == pytest.approx(theirs.gradient_norm, rel=1e-6)


def to_host(array: Any) -> Any:
    return array.copy_to_host()


def assert_alike(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        size = np.abs(array).max(initial=0)
        bound = ULPS * np.finfo(array.dtype).eps * size
        if array.dtype == np.float64:
            # Where float32 gradients are in a norm, their sum has been rounded to float32.
            bound = max(bound, 1e-7 * size)
        assert found[name].shape == array.shape
        np.testing.assert_allclose(found[name], array, rtol=0, atol=bound, err_msg=name)


def test_the_comparison_has_something_to_compare() -> None:
    optimizer: Optimizer = new("sgd")
    variables = all_on_device({"a": np.ones(100, np.float32)})
    optimizer.build(variables)
    optimizer.apply([all_on_device({"a": np.ones(100, np.float32)})["a"]])
    np.testing.assert_array_equal(variables["a"].copy_to_host(), np.float32(0.99))
