"""Every optimizer, feature and switch on a GPU against the CPU kernels."""

from __future__ import annotations

import numpy as np
import pytest

import optgen.optimizers as oo
from optgen.runtime.cuda.arrays import on_device
from tests.numeric.settings import ALONE, AT_RANDOM, Setting
from tests.runtime.cuda.agreement import compare
from tests.runtime.cuda.arrays import Shifted

CALLS = 12
SHAPES: dict[str, tuple[int, ...]] = {
    "scale": (),
    "nothing": (0,),
    "one": (1,),
    "dense/kernel": (3, 5),
    "dense/bias": (5,),
    "fortran": (6, 4),
    "tail": (4099,),
    "embedding": (91, 1001),
    "large": (3, 500_009),
}


@pytest.mark.parametrize("setting", [*ALONE, *AT_RANDOM], ids=str)
def test_a_gpu_computes_what_the_cpu_does(setting: Setting) -> None:
    compare(setting, SHAPES, CALLS, {}, ulps=32)


@pytest.mark.parametrize("setting", [*ALONE, *AT_RANDOM], ids=str)
def test_so_it_does_where_it_decides_whether_to_skip(setting: Setting) -> None:
    compare(setting, SHAPES, CALLS, {"on_nonfinite": "skip"}, odd_calls=(1, 5, 6), ulps=32)


@pytest.mark.parametrize("shift", [4, 8, 12])
def test_memory_off_the_vectors_bounds(shift: int) -> None:
    draw = np.random.default_rng(shift)
    host, row = (draw.normal(size=100_003).astype(np.float32) for _ in range(2))
    variable, gradient = Shifted(host, shift), on_device(row)
    ours, theirs = (oo.Adam(0.1, clipnorm=1.0) for _ in range(2))
    ours.build([variable])
    theirs.build([host])
    ours.apply([gradient])
    theirs.apply([row])
    np.testing.assert_allclose(variable.copy_to_host(), host, rtol=2e-6)
