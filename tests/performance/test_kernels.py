"""No CPU kernel gets slower unseen: its innermost loop is read, and nothing is timed.

After an intended change: ``pytest tests/performance --approve``, then read the diff.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.performance.compiling import IS_X86_64, compiled
from tests.performance.faults import faults
from tests.performance.kernels import element_kernels
from tests.performance.loops import hot_loop
from tests.performance.record import Record, changes, counts, read, write

APPROVED = Path(__file__).parent / "approved.json"


# One test, because all kernels are compiled by one process.
@pytest.mark.skipif(not IS_X86_64, reason="Numba compiles for the architecture that it runs on")
def test_kernels_are_as_approved(approve: bool) -> None:
    code = compiled("tests.performance.kernels")
    loops = {name: hot_loop(text) for name, text in code.assembly.items()}
    found = [
        f"{made.name} {fault}"
        for made in element_kernels()
        for fault in faults(loops[made.name], made.loads, made.stores, sums=made.sums)
    ]
    assert not found, "\n".join(found)
    now = Record(code.versions, {name: counts(loop) for name, loop in loops.items() if loop})
    if approve:
        write(now, APPROVED)
    found = changes(now, read(APPROVED))
    assert not found, "\n".join(found)
