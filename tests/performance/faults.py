"""What is wrong with the code of a kernel, whatever it was before."""

from __future__ import annotations

from tests.performance.loops import Loop

#: Elements in a register of AVX2, as float32 and as float64.
LANES, SUM_LANES = 8, 4


def faults(loop: Loop | None, loads: int, stores: int, *, sums: bool = False) -> list[str]:
    """Where a loop isn't vectorised, leaves it, goes to float64, or moves more than it must.

    A loop that ``sums`` elements up does so in float64, whether it stores any or not.
    """
    if loop is None:
        return ["no loop over elements was found"]
    found = []
    lanes = SUM_LANES if sums else LANES
    if loop.lanes != lanes:
        found.append(f"moves {loop.lanes} elements at a time, not {lanes}")
    if loop.calls:
        found.append(f"calls a function: {loop.calls[0]}")
    if loop.doubles and not sums:
        found.append(f"computes in float64: {loop.doubles[0]}")
    if loop.loads != loads:
        found.append(f"loads {loop.loads:g} times an element, but its plan says {loads}")
    if loop.stores != stores:
        found.append(f"stores {loop.stores:g} times an element, but its plan says {stores}")
    return found
