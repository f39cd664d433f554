"""The functions of generated code as values: typed statements, for no particular target.

A target prints each statement as one line; guards become nested ifs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby
from typing import ClassVar, TypeVar

from optgen.compiler.emit.columns import Columns
from optgen.compiler.ir.condition import ALWAYS, NEVER, Case, Condition
from optgen.compiler.ir.expression import Expression, names
from optgen.compiler.ir.extent import NUMBERS, VECTORS, Extent
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

#: Evaluating a guard with more cases costs more than reading a number.
_MOST_CASES = 2


class Table(Enum):
    """Where a scalar is read or written."""

    HYPERPARAMETERS = "hyperparameters"
    SCALARS = "scalars"
    FACTORS = "factors"
    #: Numbers of the optimizer.
    SHARED = "shared"
    #: States that are numbers, by address.
    NUMBERS = "numbers"
    SUMS = "sums"
    TOTALS = "totals"
    SIZES = "sizes"


@dataclass(frozen=True)
class Read:
    """``name = table[…]``."""

    name: str
    table: Table
    guard: Condition
    #: Whether it is true or false.
    boolean: bool = False


@dataclass(frozen=True)
class Write:
    """``table[…] = name``, or what the name stands for where it is used nowhere else."""

    name: str
    table: Table
    guard: Condition
    expression: Expression | None = None


@dataclass(frozen=True)
class Load:
    """An element of a buffer into the name of the buffer."""

    buffer: str
    guard: Condition


@dataclass(frozen=True)
class Store:
    """The name of a buffer into its element."""

    buffer: str
    guard: Condition


@dataclass(frozen=True)
class Fetch:
    """The element of a vector for this row, column or matrix, under the name of the vector."""

    vector: str
    extent: Extent
    guard: Condition


@dataclass(frozen=True)
class Put:
    """A value under the name of a vector into its element."""

    vector: str
    extent: Extent
    guard: Condition


#: What gives a name its value.
_Found = TypeVar("_Found", Read, Fetch, Reduction)
#: The statements of a function.
Statement = Read | Write | Load | Store | Fetch | Put | Item


def expression_in(statement: Statement) -> Expression | None:
    """What a statement computes, if anything."""
    if isinstance(statement, Write):
        return statement.expression
    return expression_of(statement) if isinstance(statement, Item) else None


@dataclass(frozen=True)
class Function:
    """A function of generated code, or the builder of a kernel for a switch setting."""

    #: The template that prints it, in the folder of each target.
    template: ClassVar[str]

    name: str
    switches: tuple[str, ...]
    reads: tuple[Read, ...]
    body: tuple[Statement, ...]

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Everything in it."""
        return (*self.reads, *self.body)


@dataclass(frozen=True)
class HostScalars(Function):
    """Computes the scalars of a call for each row of hyperparameters."""

    template = "host_scalars"


@dataclass(frozen=True)
class FeatureScalars(HostScalars):
    """Computes the scalars of features, for every optimizer."""

    template = "feature_scalars"


@dataclass(frozen=True)
class Pass(Function):
    """A pass of a program over elements; ``number`` is that of its phase."""

    program: Program
    number: int
    #: Those of the pass, in the order of their results; some may not run in this function.
    reductions: tuple[Reduction, ...]
    #: The function that computes numbers of each tensor as soon as the sums are known, if any.
    finish: TensorScalars | None


@dataclass(frozen=True)
class Elements(Pass):
    """A pass without reductions."""

    template = "elements"


@dataclass(frozen=True)
class Sums(Pass):
    """A pass with reductions to numbers."""

    template = "sums"


@dataclass(frozen=True)
class Axes(Pass):
    """A pass over matrices row by row, which reads and computes vectors."""

    template = "axes"


@dataclass(frozen=True)
class Group:
    """Statements that run once, or for each unit of a vector's extent."""

    extent: Extent
    reads: tuple[Statement, ...]
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class TensorScalars(Function):
    """Computes numbers and vectors of each tensor after a pass; ``sums`` are its results."""

    template = "tensor_scalars"

    program: Program
    sums: tuple[Reduction, ...]
    groups: tuple[Group, ...]

    @property
    def has_vectors(self) -> bool:
        """Whether it reads or computes vectors."""
        return any(group.extent in VECTORS for group in self.groups)


@dataclass(frozen=True)
class SharedScalars(TensorScalars):
    """Computes numbers of the optimizer."""

    template = "shared_scalars"


def functions_of(plan: Plan) -> Iterator[Function]:
    """The functions of the programs of a plan."""
    for program in plan.programs:
        for number, phase in numbered(program):
            if phase.shared is not None:
                yield _scalars(plan, program, number, SharedScalars)
            finish = None
            if phase.scalars is not None:
                scalars = _scalars(plan, program, number, TensorScalars)
                yield scalars
                finish = None if phase.shared is not None or scalars.has_vectors else scalars
            if phase.elements is not None:
                yield from _passes(plan, program, number, phase, finish)


def numbered(program: Program) -> Iterator[tuple[int, Phase]]:
    """The phases of a program with their numbers; that of the first pass is 1."""
    first = 0 if program.phases[0].elements is None else 1
    yield from enumerate(program.phases, first)


def name_of(program: Program, what: str, number: int) -> str:
    """The name of a function of a phase: the last pass has that of the program."""
    last = len([phase for phase in program.phases if phase.elements is not None])
    if number == last and what in ("sums", "axes"):
        return program.name if what == "sums" else f"{program.name}_axes"
    return f"{program.name}_{what}" + ("" if number == 1 else f"_{number}")


def scalars_of(
    plan: Plan, columns: Columns, kind: type[HostScalars], items: Sequence[Assignment]
) -> HostScalars:
    """The function that computes some of the host scalars."""
    given = [h.name for h in plan.rule.hyperparameters if not h.is_switch]
    used = {part for item in items for part in names(item.expression)}
    reads = tuple(
        Read(one, Table.HYPERPARAMETERS, _guard(one, items, ())) for one in given if one in used
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
    known: Case = () if is_matrix is None else ((MATRIX, is_matrix),)
    items = [replace(item, guard=item.guard.given(known)) for item in stage.body]
    items = [item for item in items if item.guard.cases]
    loads = (Load(one.buffer, one.guard.given(known)) for one in stage.loads)
    stores = (Store(one.buffer, one.guard.given(known)) for one in stage.stores)
    body: tuple[Statement, ...] = (
        *(one for one in loads if one.guard.cases),
        *(_given(one, known) for one in _fetches(plan, program, items)),
        *items,
        *(one for one in stores if one.guard.cases),
    )
    reads = tuple(_given(one, known) for one in _number_reads(plan, program, items, number))
    kind: type[Pass] = Sums if stage.numbers else Elements
    name, results = name_of(program, "sums", number), stage.numbers
    if is_matrix:
        kind, name, results = Axes, name_of(program, "axes", number), stage.reductions
    reductions = tuple(_given(one, known) for one in results)
    switches = _switches(plan, (*reads, *body))
    return kind(name, switches, reads, body, program, number, reductions, finish)


def _given(statement: _Found, known: Case) -> _Found:
    return replace(statement, guard=statement.guard.given(known))


def _fetches(plan: Plan, program: Program, items: Sequence[Item]) -> Iterator[Fetch]:
    """The elements of vectors that items use."""
    extents = vectors_of(plan)
    made = {item.target for item in items}
    used = dict.fromkeys(name for item in items for name in names(expression_of(item)))
    for name in used:
        if name in extents and name not in made:
            yield Fetch(name, extents[name], _guard(name, items, program.items))


def vectors_of(plan: Plan) -> dict[str, Extent]:
    """The extents of all vectors of a plan, states and others."""
    every = (*plan.buffers, *plan.vectors)
    return {one.name: one.extent for one in every if one.extent in VECTORS}


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
            _guard(one.target, items, [one]),
        )
        for one in sums
        if one.target in used
    ]
    reads += _number_reads(plan, program, items, number, before=stage.extent)
    reads += [Read(one, Table.SIZES, _guard(one, items, ())) for one in SHAPES if one in used]
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
        yield Group(extent, tuple(_fetches(plan, program, some)), tuple(body))
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


def _number_reads(
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
        Read(name, Table.SCALARS, _guard(name, items, plan.host.body), name in booleans)
        for name in plan.scalars
        if name in used
    ]
    factors = [item for item, _ in made]
    tables = {item.target: table for item, table in made}
    reads += [
        Read(name, table, _guard(name, items, factors), name in booleans)
        for name, table in tables.items()
        if name in used
    ]
    states = [one.name for one in plan.buffers if one.extent in NUMBERS]
    reads += [Read(n, Table.NUMBERS, _guard(n, items, ())) for n in states if n in used]
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


def _guard(name: str, items: Iterable[Item], sources: Iterable[Item]) -> Condition:
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


def _switches(plan: Plan, statements: Iterable[Statement]) -> tuple[str, ...]:
    """The switches that statements use, in the order of the plan."""
    used: set[str] = set()
    for one in statements:
        used |= set(one.guard.atoms)
        if (computed := expression_in(one)) is not None:
            used |= {*names(computed)}
    return tuple(switch.name for switch in plan.switches if switch.name in used)
