"""What kernels do for each block of elements is part of them, and codes are made by vectors."""

from __future__ import annotations

import re

import pytest

from tests.performance.block_kernels import update_kernels
from tests.performance.compiling import IS_X86_64, compiled
from tests.performance.flow import outermost_loops

CPUS = ("haswell", "znver4")
#: What moves elements one by one: scalar gathers, insertions of bytes, and divisions of integers.
_ONE_BY_ONE = re.compile(r"v?(p?gather\w*|pinsr[bwdq]|pextr[bwdq]|i?div[bwlq])$")


@pytest.mark.skipif(not IS_X86_64, reason="Numba compiles for the architecture that it runs on")
@pytest.mark.parametrize(
    ("cpu", "step"),
    [
        (CPUS[0], 5),  # Plain and with everything on; without codes, and with each kind of them.
        pytest.param(CPUS[0], 1, marks=pytest.mark.full),
        pytest.param(CPUS[1], 1, marks=pytest.mark.full),
    ],
)
def test_blocks_need_no_calls(cpu: str, step: int) -> None:
    every = [made.name for made in update_kernels()]
    assert len(every) == 2 * 12
    code = compiled("tests.performance.block_kernels", cpu, every[::step])
    assert [*code.assembly] == every[::step]
    for name, text in code.assembly.items():
        lines = [line for loop in outermost_loops(text) for line in loop]
        names = {line.split()[0] for line in lines}
        # Adam needs a division and a root for each element.
        assert {"vdivps", "vsqrtps"} <= names, name
        assert not [one for one in names if one.startswith("call")], name
        assert not [one for one in names if _ONE_BY_ONE.match(one)], name


def test_calls_of_an_outer_loop_are_seen() -> None:
    text = "start:\nouter:\ncallq *%rax\ninner:\naddq $1, %rbx\njne inner\njne outer\nretq"
    (loop,) = outermost_loops(text)
    assert loop == ("callq *%rax", "addq $1, %rbx", "jne inner", "jne outer")
