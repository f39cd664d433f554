"""Every optimizer, feature and switch on a simulated device against the CPU kernels."""

from __future__ import annotations

import numpy as np
import pytest

import optgen.optimizers as oo
from optgen.runtime.cuda.arrays import on_device
from tests.chosen import first_of
from tests.numeric.settings import ALONE, AROUND, AT_RANDOM, Setting, some_in_full
from tests.runtime.cuda.agreement import compare

#: A rule's own switches are on in settings at random.
CHOSEN = [s for s in ALONE if s.label == "plain" or s.optimizer == AROUND] + AT_RANDOM[::2]
#: Threads that wait for one another take seconds here.
DECIDING = [*(s for s in ALONE if "clipnorm" in s.own), *CHOSEN[::6]]


def calls(setting: Setting) -> int:
    """Two updates at least, and one that gives variables the value of their average."""
    return 6 if "gradient_accumulation_steps" in setting.values else 4


#: Few elements: each takes Python a millisecond.
SHAPES: dict[str, tuple[int, ...]] = {
    "scale": (),
    "nothing": (0,),
    "one": (1,),
    "dense/kernel": (3, 5),
    "dense/bias": (5,),
    "fortran": (6, 4),
    "several/chunks": (107,),
}


@pytest.mark.parametrize("setting", some_in_full(CHOSEN))
def test_a_device_computes_what_the_cpu_does(setting: Setting) -> None:
    compare(setting, SHAPES, calls(setting), {})


@pytest.mark.parametrize("setting", first_of(DECIDING, 3), ids=str)
def test_so_it_does_where_it_decides_whether_to_skip(setting: Setting) -> None:
    compare(setting, SHAPES, 6, {"on_nonfinite": "skip"}, odd_calls=(1, 4))


def test_the_comparison_has_something_to_compare() -> None:
    optimizer, variable = oo.SGD(), on_device(np.ones(100, np.float32))
    optimizer.build([variable])
    optimizer.apply([on_device(np.ones(100, np.float32))])
    np.testing.assert_array_equal(variable.copy_to_host(), np.float32(0.99))
