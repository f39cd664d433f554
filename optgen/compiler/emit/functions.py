"""The functions of a plan: each stage of each program as typed statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from optgen.compiler.emit.code import (
    Axes,
    Elements,
    Function,
    Group,
    HostScalars,
    Load,
    Pass,
    Put,
    Read,
    SharedScalars,
    Statement,
    Store,
    Sums,
    Table,
    TensorScalars,
    Write,
    expression_in,
)
from optgen.compiler.emit.columns import Columns
from optgen.compiler.emit.reads import fetches, guard_of, number_reads, numbered, when_assigned
from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import names
from optgen.compiler.ir.extent import VECTORS, Extent
from optgen.compiler.ir.plan import (
    Assignment,
    ElementPass,
    Item,
    Phase,
    Plan,
    Program,
    Reduction,
    expression_of,
)
from optgen.compiler.ir.reserved import MATRIX, SHAPES
from optgen.compiler.ir.rule import COUNTERS


def functions_of(plan: Plan) -> Iterator[Function]:
    """The functions of the programs of a plan."""
    for program in plan.programs:
        for number, phase in numbered(program):
            if phase.shared is not None:
                yield _scalars(plan, program, number, SharedScalars)
            finish = None
            if phase.scalars is not None:
                finish = _scalars(plan, program, number, TensorScalars)
                yield finish
            if phase.elements is not None:
                yield from _passes(plan, program, number, phase, finish)


def name_of(program: Program, what: str, number: int) -> str:
    """The name of a function of a phase: the last pass has that of the program."""
    last = len([phase for phase in program.phases if phase.elements is not None])
    if number == last and what == "sums":
        return program.name
    return f"{program.name}_{what}" + ("" if number == 1 else f"_{number}")


def scalars_of(
    plan: Plan, columns: Columns, kind: type[HostScalars], items: Sequence[Assignment]
) -> HostScalars:
    """The function that computes some of the host scalars."""
    given = [h.name for h in plan.rule.hyperparameters if not h.is_switch]
    used = {part for item in items for part in names(item.expression)}
    reads = tuple(
        Read(one, Table.HYPERPARAMETERS, guard_of(one, items, ())) for one in given if one in used
    )
    wanted = [one for one in columns.scalars if one in plan.scalars]
    once = _used_once(items, {*wanted})
    body: list[Statement] = [
        Write(item.target, Table.SCALARS, item.guard, item.expression)
        if item.target in once
        else item
        for item in items
    ]
    computed = {item.target for item in items if item.target not in once} | {*COUNTERS}
    body += [
        Write(one, Table.SCALARS, when_assigned(one, items)) for one in wanted if one in computed
    ]
    return kind(kind.template, _switches(plan, (*reads, *body)), reads, tuple(body))


def _passes(
    plan: Plan, program: Program, number: int, phase: Phase, finish: TensorScalars | None
) -> Iterator[Pass]:
    """The functions of a pass: of matrices, and of all other variables."""
    stage = phase.passing
    if not stage.is_axial:
        yield _pass(plan, program, number, stage, finish, None)
        return
    for is_matrix in (False, True):
        if (stage.guard & Condition.of(MATRIX, is_matrix)).cases:
            yield _pass(plan, program, number, stage, finish, is_matrix)


def _pass(
    plan: Plan,
    program: Program,
    number: int,
    stage: ElementPass,
    finish: TensorScalars | None,
    is_matrix: bool | None,
) -> Pass:
    known = () if is_matrix is None else ((MATRIX, is_matrix),)
    reductions = tuple(replace(one, guard=one.guard.given(known)) for one in stage.reductions)
    items = [replace(item, guard=item.guard.given(known)) for item in stage.body]
    items = [item for item in items if item.guard.cases]
    loads = (Load(one.buffer, one.guard.given(known)) for one in stage.loads)
    stores = (Store(one.buffer, one.guard.given(known)) for one in stage.stores)
    body: tuple[Statement, ...] = (
        *(one for one in loads if one.guard.cases),
        *fetches(plan, program, items),
        *items,
        *(one for one in stores if one.guard.cases),
    )
    reads = number_reads(plan, program, items, number)
    kind: type[Pass] = Sums if stage.reductions else Elements
    name = name_of(program, "sums", number)
    if is_matrix:
        kind, name = Axes, f"{name}_axes"
    switches = _switches(plan, (*reads, *body))
    return kind(name, switches, reads, body, program, number, reductions, finish)


def _scalars(plan: Plan, program: Program, number: int, kind: type[TensorScalars]) -> TensorScalars:
    phase = next(phase for k, phase in numbered(program) if k == number)
    stage = phase.shared if kind is SharedScalars else phase.scalars
    assert stage is not None
    items = stage.body
    sums = phase.elements.numbers if phase.elements is not None else ()
    used = {part for item in items for part in names(expression_of(item))}
    reads = [
        Read(
            one.target,
            Table.TOTALS if one.extent is Extent.OPTIMIZER else Table.SUMS,
            guard_of(one.target, items, [one]),
        )
        for one in sums
        if one.target in used
    ]
    reads += number_reads(plan, program, items, number, before=stage.extent)
    reads += [Read(one, Table.SIZES, guard_of(one, items, ())) for one in SHAPES if one in used]
    table = Table.SHARED if kind is SharedScalars else Table.FACTORS
    groups = tuple(_groups(plan, program, items, table))
    body = tuple(one for group in groups for one in (*group.reads, *group.body))
    switches = _switches(plan, (*reads, *body))
    what = "shared" if kind is SharedScalars else "scalars"
    name = name_of(program, what, number)
    return kind(name, switches, tuple(reads), body, program, sums, groups)


def _groups(plan: Plan, program: Program, items: Sequence[Item], table: Table) -> Iterator[Group]:
    """Items in order, those of one vector extent together, as statements."""
    once = _used_once(items, {item.target for item in items if not _is_vector(item)})
    for extent, run in groupby(items, _unit):
        some = list(run)
        if extent not in VECTORS:
            yield Group(extent, (), tuple(_of_numbers(some, once, table)))
            continue
        body: list[Statement] = []
        for item in some:
            body.append(item)
            if not isinstance(item, Reduction):
                body.append(Put(item.target, extent, item.guard))
        yield Group(extent, tuple(fetches(plan, program, some)), tuple(body))
        totals = [i for i in some if isinstance(i, Reduction) and i.extent not in VECTORS]
        writes = (Write(item.target, table, item.guard) for item in totals)
        if totals:
            yield Group(Extent.TENSOR, (), tuple(writes))


def _of_numbers(items: Sequence[Item], once: Collection[str], table: Table) -> Iterator[Statement]:
    for item in items:
        if item.target in once:
            yield Write(item.target, table, item.guard, expression_of(item))
        else:
            yield from (item, Write(item.target, table, item.guard))


def _unit(item: Item) -> Extent:
    """The extent of the loop that an item is in."""
    extent = item.source if isinstance(item, Reduction) else item.extent
    return extent if extent in VECTORS else Extent.TENSOR


def _is_vector(item: Item) -> bool:
    return _unit(item) in VECTORS


def _used_once(items: Sequence[Item], wanted: Collection[str]) -> set[str]:
    """The names that are only written: assigned in one place, and used in no other."""
    assigned = [item.target for item in items]
    used = {name for item in items for name in names(expression_of(item))}
    return {one for one in wanted if assigned.count(one) == 1 and one not in used}


def _switches(plan: Plan, statements: Iterable[Statement]) -> tuple[str, ...]:
    """The switches that statements use, in the order of the plan."""
    used: set[str] = set()
    for one in statements:
        used |= set(one.guard.atoms)
        if (computed := expression_in(one)) is not None:
            used |= {*names(computed)}
    return tuple(switch.name for switch in plan.switches if switch.name in used)
