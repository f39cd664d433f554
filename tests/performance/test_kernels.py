"""No CPU kernel gets slower unseen: its innermost loop is read, and nothing is timed.

After an intended change: ``pytest tests/performance --approve``, then read the diff.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.performance.compiling import IS_X86_64, compiled
from tests.performance.faults import faults
from tests.performance.kernels import element_kernels
from tests.performance.loops import hot_loop
from tests.performance.record import Counts, Record, changes, counts, read, write
from tests.runtime.passes import Made

APPROVED = Path(__file__).parent / "approved.json"
#: Of a kernel that isn't compiled, and hasn't been approved.
NEW = Counts(0, 0)


def is_chosen(made: Made) -> bool:
    """Of plain rules, and with everything on; those of torch's are others' in other words."""
    return re.match(r"torch|.*-(?!plain|everything)", made.name) is None


# One test, because all kernels are compiled by one process.
@pytest.mark.skipif(not IS_X86_64, reason="Numba compiles for the architecture that it runs on")
@pytest.mark.parametrize("some", [True, pytest.param(False, marks=pytest.mark.full)])
def test_kernels_are_as_approved(some: bool, approve: bool) -> None:
    every = [*element_kernels()]
    chosen = [made for made in every if is_chosen(made) or approve or not some]
    code = compiled("tests.performance.kernels", only=[made.name for made in chosen])
    loops = {name: hot_loop(text) for name, text in code.assembly.items()}
    found = [
        f"{made.name} {fault}"
        for made in chosen
        for fault in faults(loops[made.name], made.loads, made.stores, sums=made.sums)
    ]
    assert not found, "\n".join(found)
    now = {name: counts(loop) for name, loop in loops.items() if loop}
    if approve:
        write(Record(code.versions, now), APPROVED)
    approved = read(APPROVED)
    kept = {made.name: approved.kernels.get(made.name, NEW) for made in every}
    found = changes(Record(code.versions, {**kept, **now}), approved)
    assert not found, "\n".join(found)
