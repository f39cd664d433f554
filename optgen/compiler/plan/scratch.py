"""Slots of scratch matrices: those that are never needed at the same time share memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from optgen.compiler.ir.expression import names
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.matrix import GRAM, PRODUCT
from optgen.compiler.ir.plan import Phase, Program, expression_of

#: What one stage reads and writes, and whether a value may take the place of one that it reads.
_Event = tuple[set[str], set[str], bool]


def slots_of(programs: Sequence[Program], matrices: Mapping[str, Extent]) -> dict[str, int]:
    """The slot of each scratch matrix, among those of its extent."""
    found: dict[str, int] = {}
    for program in programs:
        events = [event for phase in program.phases for event in _events(phase, matrices)]
        found |= _placed(events, matrices)
    return found


def inner(programs: Sequence[Program], matrices: Mapping[str, Extent]) -> set[str]:
    """The scratch matrices that products make, and that nothing but products reads."""
    phases = [phase for program in programs for phase in program.phases]
    calls = [call for phase in phases for call in phase.calls]
    products = [call for call in calls if call.function.operator in (PRODUCT, GRAM)]
    items = [*chain.from_iterable(phase.items for phase in phases)]
    found = {call.target for call in products}
    for item in items:
        if item not in products:
            found -= {item.target, *names(expression_of(item))}
    return found


def _events(phase: Phase, matrices: Mapping[str, Extent]) -> Iterator[_Event]:
    """The stages of a phase in order: its pass, then each call of a library."""
    if phase.elements is not None:
        loads = {one.buffer for one in phase.elements.loads} & {*matrices}
        stores = {one.buffer for one in phase.elements.stores} & {*matrices}
        # Each element is read before it is written.
        yield loads, stores, True
    for call in phase.calls:
        yield {*names(call.expression)} & {*matrices}, {call.target}, False


def _placed(events: Sequence[_Event], matrices: Mapping[str, Extent]) -> dict[str, int]:
    last = {name: k for k, (reads, writes, _) in enumerate(events) for name in reads | writes}
    slots: dict[str, int] = {}
    occupied: dict[tuple[Extent, int], str] = {}
    for number, (_, writes, in_place) in enumerate(events):
        ended = {name for name in occupied.values() if last[name] < number + in_place}
        for name in sorted(writes - {*slots}):
            slot = 0
            while (held := occupied.get((matrices[name], slot))) and held not in ended:
                slot += 1
            slots[name] = slot
            occupied[matrices[name], slot] = name
            ended -= {held}
    return slots
