"""Kernels of half precision decode and encode in registers, in loops that are vectorised."""

from __future__ import annotations

import pytest

from tests.performance.compiling import IS_X86_64, compiled
from tests.performance.half_kernels import RULES, element_kernels
from tests.performance.loops import hot_loop

#: CPUs with AVX2 and with AVX-512, and the bytes of the registers that loops use.
CPUS = {"haswell": 32, "znver4": 64}
HALF = 2


# One test of each CPU, because all its kernels are compiled by one process.
@pytest.mark.skipif(not IS_X86_64, reason="Numba compiles for the architecture that it runs on")
@pytest.mark.parametrize(
    ("cpu", "rules"),
    [
        ("haswell", ("adam",)),
        pytest.param("haswell", RULES, marks=pytest.mark.full),
        pytest.param("znver4", RULES, marks=pytest.mark.full),
    ],
)
def test_loops_move_each_element_once(cpu: str, rules: tuple[str, ...]) -> None:
    every = [*element_kernels(rules)]
    code = compiled("tests.performance.half_kernels", cpu, [made.name for made in every])
    for made in every:
        loop = hot_loop(code.assembly[made.name], HALF)
        assert loop is not None, made.name
        assert (loop.loads, loop.stores) == (made.loads, made.stores), made.name
        assert loop.lanes >= CPUS[cpu] // 4, made.name
        assert not loop.calls, made.name
        assert not loop.doubles, made.name
