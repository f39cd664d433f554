"""Rules with numbers, rows and columns on a GPU against the CPU kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.runtime.cuda.arrays import all_on_device
from tests.runtime.cuda.own import EXTENTS, package

SHAPES = {
    "matrix": (300, 1000),
    "wide": (3, 5001),
    "tall": (20_011, 3),
    "filters": (64, 32, 3, 3),
    "vector": (4099,),
    "row": (1, 9),
    "column": (9, 1),
    "empty": (0, 3),
}


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("values", [{}, {"clipnorm": 1.0, "on_nonfinite": "skip"}], ids=str)
@pytest.mark.parametrize("name", EXTENTS)
def test_a_gpu_computes_what_the_cpu_does(name: str, values: Any, order: Any) -> None:
    draw = np.random.default_rng(0)

    def drawn() -> dict[str, Any]:
        return {
            path: np.asarray(draw.normal(size=shape), np.float32, order=order)
            for path, shape in SHAPES.items()
        }

    host = drawn()
    device = all_on_device(host)
    ours, theirs = (getattr(package(), name)(**values) for _ in range(2))
    ours.build(device)
    theirs.build(host)
    for _ in range(4):
        row = drawn()
        ours.apply(all_on_device(row))
        theirs.apply(row)
    for path, array in host.items():
        bound = 1e-5 * np.abs(array).max(initial=0)
        found = device[path].copy_to_host()
        np.testing.assert_allclose(found, array, rtol=0, atol=bound, err_msg=path)
