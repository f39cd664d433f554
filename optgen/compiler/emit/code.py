"""The functions of generated code as values: typed statements, for no particular target.

A target prints each statement as one line; guards become nested ifs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from optgen.compiler.emit.columns import Columns
from optgen.compiler.ir.condition import ALWAYS, NEVER, Condition
from optgen.compiler.ir.expression import Expression, names
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.plan import Assignment, Item, Plan, Prepass, Program, expression_of
from optgen.compiler.ir.reserved import TENSOR_SIZE
from optgen.compiler.ir.rule import COUNTERS

#: Evaluating a guard with more cases costs more than reading a number.
_MOST_CASES = 2


class Table(Enum):
    """Where a scalar is read or written."""

    HYPERPARAMETERS = "hyperparameters"
    SCALARS = "scalars"
    FACTORS = "factors"
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


#: The statements of a function.
Statement = Read | Write | Load | Store | Item


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
class Elements(Function):
    """Runs a program over elements."""

    template = "elements"

    program: Program


@dataclass(frozen=True)
class Sums(Function):
    """Sums over each variable that a program needs first."""

    template = "sums"

    program: Program
    prepass: Prepass
    #: The function that computes tensor scalars from the sums, if any.
    finish: TensorScalars | None


@dataclass(frozen=True)
class TensorScalars(Function):
    """Computes the tensor scalars of a program from its sums."""

    template = "tensor_scalars"

    program: Program
    prepass: Prepass


def functions_of(plan: Plan) -> Iterator[Function]:
    """The functions of the programs of a plan."""
    for program in plan.programs:
        for number, prepass in enumerate(program.prepasses):
            finish = _tensor_scalars(plan, program, number) if prepass.scalars.body else None
            if finish is not None:
                yield finish
            yield _sums(plan, program, number, finish)
        yield _elements(plan, program)


def prepass_name(program: Program, what: str, number: int) -> str:
    """The name of a function of a prepass."""
    return f"{program.name}_{what}" + (f"_{number + 1}" if number else "")


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


def _elements(plan: Plan, program: Program) -> Elements:
    stage = program.elements
    reads = _scalar_reads(plan, program, stage.body, len(program.prepasses))
    body = (
        *(Load(access.buffer, access.guard) for access in stage.loads),
        *stage.body,
        *(Store(access.buffer, access.guard) for access in stage.stores),
    )
    return Elements(program.name, _switches(plan, (*reads, *body)), reads, body, program)


def _sums(plan: Plan, program: Program, number: int, finish: TensorScalars | None) -> Sums:
    prepass = program.prepasses[number]
    reads = _scalar_reads(plan, program, prepass.sums.body, number)
    loads = (Load(access.buffer, access.guard) for access in prepass.sums.loads)
    body = (*loads, *prepass.sums.body)
    switches = _switches(plan, (*reads, *body))
    name = prepass_name(program, "sums", number)
    return Sums(name, switches, reads, body, program, prepass, finish)


def _tensor_scalars(plan: Plan, program: Program, number: int) -> TensorScalars:
    prepass = program.prepasses[number]
    items = prepass.scalars.body
    used = {part for item in items for part in names(item.expression)}
    reads = [
        Read(
            one.target,
            Table.TOTALS if one.extent is Extent.OPTIMIZER else Table.SUMS,
            _guard(one.target, items, [one]),
        )
        for one in prepass.sums.reductions
        if one.target in used
    ]
    reads += _scalar_reads(plan, program, items, number)
    if TENSOR_SIZE in used:
        reads.append(Read(TENSOR_SIZE, Table.SIZES, ALWAYS))
    once = _used_once(items, {item.target for item in items})
    body: list[Statement] = []
    for item in items:
        if item.target in once:
            body.append(Write(item.target, Table.FACTORS, item.guard, item.expression))
        else:
            body += [item, Write(item.target, Table.FACTORS, item.guard)]
    switches = _switches(plan, (*reads, *body))
    name = prepass_name(program, "scalars", number)
    return TensorScalars(name, switches, tuple(reads), tuple(body), program, prepass)


def _used_once(items: Sequence[Assignment], wanted: Collection[str]) -> set[str]:
    """The names that are only written: assigned in one place, and used in no other."""
    assigned = [item.target for item in items]
    used = {name for item in items for name in names(item.expression)}
    return {one for one in wanted if assigned.count(one) == 1 and one not in used}


def _scalar_reads(
    plan: Plan, program: Program, items: Sequence[Item], prepasses: int
) -> tuple[Read, ...]:
    """Reads of host scalars, and of tensor scalars after so many prepasses, that items use."""
    used = {name for item in items for name in names(expression_of(item))}
    used -= {item.target for item in items}
    before = program.prepasses[:prepasses]
    factors = [item for prepass in before for item in prepass.scalars.body]
    booleans = plan.booleans | {item.target for item in factors if item.boolean}
    reads = [
        Read(name, Table.SCALARS, _guard(name, items, plan.host.body), name in booleans)
        for name in plan.scalars
        if name in used
    ]
    reads += [
        Read(name, Table.FACTORS, _guard(name, items, factors), name in booleans)
        for name in dict.fromkeys(item.target for item in factors)
        if name in used
    ]
    return _together(reads)


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
