"""Numbers on updates, computed on a simulated device and on the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ml_dtypes import bfloat16

import optgen
from tests.runtime.cuda.arrays import all_on_device


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_device_keeps_what_the_host_does(dtype: Any) -> None:
    kind = optgen.compile("adam", "update_statistics")
    draw = np.random.default_rng(0)
    host = {"a": draw.normal(size=(3, 25)).astype(dtype), "b": draw.normal(size=7).astype(dtype)}
    device = all_on_device(host)
    ours, theirs = (kind(0.1, statistics_every=2) for _ in range(2))
    ours.build(device)
    theirs.build(host)
    for _ in range(3):
        row = {path: draw.normal(size=v.shape).astype(dtype) for path, v in host.items()}
        ours.apply(all_on_device(row))
        theirs.apply(row)
    found, wanted = ours.statistics(), theirs.statistics()
    for path in host:
        assert found[path] == pytest.approx(wanted[path], rel=1e-5, abs=1e-6)


@pytest.mark.compiled
@pytest.mark.parametrize("rounding", ["stochastic", "split8"])
def test_a_device_counts_what_rounding_leaves_unmoved(rounding: str) -> None:
    kind = optgen.compile("adam", "update_statistics")
    draw = np.random.default_rng(0)
    host = {"a": draw.normal(size=(3, 25)).astype(bfloat16)}
    device = all_on_device(host)
    before = host["a"].copy()
    ours, theirs = (kind(1e-3, statistics_every=1, rounding=rounding) for _ in range(2))
    ours.build(device)
    theirs.build(host)
    row = {path: draw.normal(size=v.shape).astype(bfloat16) for path, v in host.items()}
    ours.apply(all_on_device(row))
    theirs.apply(row)
    found, wanted = ours.statistics()["a"], theirs.statistics()["a"]
    assert found == pytest.approx(wanted, rel=1e-5, abs=1e-6)
    if rounding == "stochastic":
        assert 0 < found["unmoved"] == pytest.approx(float((host["a"] == before).mean()))
