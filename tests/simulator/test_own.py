"""Optimizers of a user's own on a simulated device against the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.runtime.cuda.arrays import all_on_device
from tests.runtime.cuda.own import NAMES, package

BOTH = ("float32", "float64")
EVERYTHING = {
    "global_clipnorm": 1.0,
    "use_ema": True,
    "on_nonfinite": "skip",
    "gradient_accumulation_steps": 2,
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("values", "dtypes"),
    [({}, BOTH[:1]), ({}, BOTH), ({"clipnorm": 1.0}, BOTH), (EVERYTHING, BOTH)],
    ids=["one dtype", "plain", "clipnorm", "everything"],
)
def test_a_device_computes_what_the_cpu_does(
    name: str, values: dict[str, Any], dtypes: tuple[str, ...]
) -> None:
    draw = np.random.default_rng(0)
    shapes = {"a": (3, 5), "b": (7,), "c": (70,)}
    host = {
        f"{path}/{dtype}": draw.normal(size=shape).astype(dtype)
        for path, shape in shapes.items()
        for dtype in dtypes
    }
    device = all_on_device(host)
    ours, theirs = (getattr(package(), name)(**values) for _ in range(2))
    ours.build(device)
    theirs.build(host)
    # Two updates.
    for _ in range(2 * values.get("gradient_accumulation_steps", 1)):
        row = {path: draw.normal(size=v.shape).astype(v.dtype) for path, v in host.items()}
        ours.apply(all_on_device(row))
        theirs.apply(row)
    for path, array in host.items():
        np.testing.assert_allclose(device[path].copy_to_host(), array, rtol=1e-5, atol=1e-7)
