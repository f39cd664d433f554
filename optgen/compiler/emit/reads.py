"""What a function reads before its own statements: numbers of earlier stages, and vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from optgen.compiler.emit.code import Fetch, Read, Table
from optgen.compiler.ir.condition import ALWAYS, NEVER, Condition
from optgen.compiler.ir.expression import names
from optgen.compiler.ir.extent import NUMBERS, VECTORS, Extent
from optgen.compiler.ir.plan import Assignment, Item, Phase, Plan, Program, expression_of

#: Evaluating a guard with more cases costs more than reading a number.
_MOST_CASES = 2


def numbered(program: Program) -> Iterator[tuple[int, Phase]]:
    """The phases of a program with their numbers; that of the first pass is 1."""
    first = 0 if program.phases[0].elements is None else 1
    yield from enumerate(program.phases, first)


def fetches(plan: Plan, program: Program, items: Sequence[Item]) -> Iterator[Fetch]:
    """The elements of vectors that items use."""
    extents = vectors_of(plan)
    made = {item.target for item in items}
    used = dict.fromkeys(name for item in items for name in names(expression_of(item)))
    booleans = {i.target for i in program.items if isinstance(i, Assignment) and i.boolean}
    for name in used:
        if name in extents and name not in made:
            guard = guard_of(name, items, program.items)
            yield Fetch(name, extents[name], guard, name in booleans)


def vectors_of(plan: Plan) -> dict[str, Extent]:
    """The extents of all vectors of a plan, states and others."""
    every = (*plan.buffers, *plan.vectors)
    return {one.name: one.extent for one in every if one.extent in VECTORS}


def number_reads(
    plan: Plan,
    program: Program,
    items: Sequence[Item],
    number: int,
    before: Extent = Extent.ELEMENT,
) -> tuple[Read, ...]:
    """Reads of the numbers that items use: of the call, of states, and of earlier stages.

    The items run in a phase, ``before`` the numbers of this extent in it.
    """
    used = {name for item in items for name in names(expression_of(item))}
    used -= {item.target for item in items}
    made = _numbers_before(program, number, before)
    booleans = plan.booleans | {
        i.target for i, _ in made if isinstance(i, Assignment) and i.boolean
    }
    reads = [
        Read(name, Table.SCALARS, guard_of(name, items, plan.host.body), name in booleans)
        for name in plan.scalars
        if name in used
    ]
    factors = [item for item, _ in made]
    tables = {item.target: table for item, table in made}
    reads += [
        Read(name, table, guard_of(name, items, factors), name in booleans)
        for name, table in tables.items()
        if name in used
    ]
    states = [one.name for one in plan.buffers if one.extent in NUMBERS]
    reads += [Read(n, Table.NUMBERS, guard_of(n, items, ())) for n in states if n in used]
    return _together(reads)


def _numbers_before(program: Program, number: int, before: Extent) -> list[tuple[Item, Table]]:
    """The numbers that earlier stages have computed, each with its table."""
    found: list[tuple[Item, Table]] = []
    for k, phase in numbered(program):
        stages = [(phase.shared, Table.SHARED), (phase.scalars, Table.FACTORS)]
        if k > number or (k == number and before in (Extent.ELEMENT, Extent.OPTIMIZER)):
            break
        if k == number:
            stages = stages[:1]
        for stage, table in stages:
            if stage is not None:
                found += [(item, table) for item in stage.body if _is_number(item)]
    return found


def _is_number(item: Item) -> bool:
    return item.extent not in VECTORS


def _together(reads: Iterable[Read]) -> tuple[Read, ...]:
    """Reads, grouped by guard, so that each guard is evaluated once."""
    grouped: dict[Condition, list[Read]] = {}
    for read in reads:
        grouped.setdefault(read.guard, []).append(read)
    return tuple(read for group in grouped.values() for read in group)


def guard_of(name: str, items: Iterable[Item], sources: Iterable[Item]) -> Condition:
    """The guard under which items use a name; if it has many cases, the guard of its value."""
    guard = NEVER
    for item in items:
        if name in names(expression_of(item)):
            guard |= item.guard
        if guard == ALWAYS:
            break
    return guard if len(guard.cases) <= _MOST_CASES else when_assigned(name, sources)


def when_assigned(name: str, items: Iterable[Item]) -> Condition:
    """The guard under which items assign a name; always, if they don't."""
    guards = [item.guard for item in items if item.target == name]
    found = NEVER if guards else ALWAYS
    for guard in guards:
        found |= guard
    return found
