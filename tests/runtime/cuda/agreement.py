"""An optimizer on a device beside one on the CPU, over the same variables and gradients."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tests.numeric.settings import Setting
from tests.numeric.training import apply, exclude, gradients, new
from tests.runtime.cuda.arrays import all_on_device, gradients_on_device

#: A few units in the last place of the largest value: sums are taken in another order, and a
#: device rounds a product and a sum once.
ULPS = 8
#: Paths of variables that there are in float64 too.
TWICE = ("one", "fortran")


def compare(
    setting: Setting,
    shapes: Mapping[str, tuple[int, ...]],
    calls: int,
    more: Mapping[str, Any],
    odd_calls: tuple[int, ...] = (),
    ulps: int = ULPS,
) -> None:
    """Run both, with gradients missing here and there, and infinite ones in ``odd_calls``."""
    draw = np.random.default_rng(zlib.crc32(str(setting).encode()))
    host = {
        f"{dtype.__name__}/{path}": np.asarray(draw.normal(size=shape), dtype)
        for path, shape in shapes.items()
        for dtype in (np.float32, np.float64)
        if dtype is np.float32 or path in TWICE
    }
    host["float32/fortran"] = np.asfortranarray(host["float32/fortran"])
    device: Any = all_on_device(host)
    ours, theirs = (new(setting.optimizer, **setting.values, **more) for _ in range(2))
    for optimizer, variables in ((ours, device), (theirs, host)):
        exclude(optimizer, variables)
        optimizer.build(variables)
    like = list(host.values())
    for call, row in enumerate(gradients(draw, like, calls, missing=0.3)):
        if call in odd_calls:
            next(g for g in row if g is not None and g.size > 1).flat[-1] = np.nan
        on_device: Any = gradients_on_device(row, like)
        apply(ours, on_device)
        apply(theirs, row)

    assert (ours.iterations, ours._iterations) == (theirs.iterations, theirs._iterations)
    assert_alike({path: to_host(array) for path, array in device.items()}, host, ulps)
    for path, states in theirs.state.items():
        found = {name: to_host(array) for name, array in ours.state[path].items()}
        assert_alike(found, states, ulps)
    if theirs.gradient_norm is not None:
        assert ours.gradient_norm == pytest.approx(theirs.gradient_norm, rel=1e-6)


def to_host(array: Any) -> Any:
    return array.copy_to_host()


def assert_alike(found: Mapping[str, Any], expected: Mapping[str, Any], ulps: int) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        size = np.abs(array).max(initial=0)
        bound = ulps * np.finfo(array.dtype).eps * size
        if array.dtype == np.float64:
            # Where float32 gradients are in a norm, their sum has been rounded to float32.
            bound = max(bound, 1e-7 * size)
        assert found[name].shape == array.shape
        np.testing.assert_allclose(found[name], array, rtol=0, atol=bound, err_msg=name)
