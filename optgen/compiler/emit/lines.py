"""The lines of code that are the same for every target, and what they ask of switches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from optgen.compiler.emit.layout import Line, indent
from optgen.compiler.emit.meaning import printed
from optgen.compiler.emit.printer import Printer
from optgen.compiler.ir.condition import ALWAYS, NEVER, Condition
from optgen.compiler.ir.expression import names
from optgen.compiler.ir.plan import Assignment, Item, Plan, Program, expression_of
from optgen.compiler.ir.reserved import PYTHON_WORDS
from optgen.compiler.ir.rule import COUNTERS

#: How an entry of a table is spelled where it is read.
Spelling = Callable[[str], str]


class Lines:
    """Prints parts of a plan; host values in float64, elements in the parameter's dtype."""

    #: Names that code of the target needs for itself, and how others end.
    words: frozenset[str]
    endings: tuple[str, ...] = ()

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        # A name of the spec that kernels need for themselves gets an underscore.
        reserved = self.words | PYTHON_WORDS | {program.name for program in plan.programs}
        renamed = {
            name: f"{name}_"
            for name in _all_names(plan)
            if name in reserved or name.endswith(self.endings)
        }
        self.host, self.element = self.printers(renamed)

    def printers(self, renamed: Mapping[str, str]) -> tuple[Printer, Printer]:
        """What prints host values, and elements."""
        return Printer(names=renamed), Printer("real", renamed)

    def assignment(self, item: Assignment, printer: Printer, section: str = "") -> Line:
        """``target = expression``."""
        text = f"{printer.name(item.target)} = {printed(item.expression, printer)}"
        return Line(text, item.guard, section)

    def switches(self, items: Iterable[Item], guards: Iterable[Condition]) -> tuple[str, ...]:
        """The switches that a function asks for, in the order of the plan."""
        asked: set[str] = set()
        for item in items:
            asked |= {*item.guard.atoms, *names(expression_of(item))}
        for guard in guards:
            asked |= set(guard.atoms)
        return tuple(switch.name for switch in self.plan.switches if switch.name in asked)

    def defined(self, scalar: str) -> Condition:
        """When the host computes a scalar."""
        return when_assigned(scalar, self.plan.host.body)


def nonzero(source: str) -> str:
    """A number of a table as a truth value."""
    return f"{source} != 0.0"


class KernelLines(Lines, ABC):
    """Prints parts of a plan as kernels, which find scalars in tables."""

    @abstractmethod
    def cell(self, table: str, row: str, width: int, column: int) -> str:
        """An entry of a table with rows of so many numbers."""

    def truth(self, source: str) -> str:
        """A scalar that is 0 or 1 as a truth value, in a loop over elements."""
        return nonzero(source)

    def scalar_reads(self, items: Sequence[Item], program: Program, prepasses: int) -> str:
        """The scalars that an element loop uses, rounded to the parameter's dtype."""
        return indent(self.reads(items, program, prepasses, self.truth, "real({})".format), 3)

    def reads(
        self,
        items: Sequence[Item],
        program: Program,
        prepasses: int,
        truth: Spelling = nonzero,
        number: Spelling = str,
    ) -> list[str]:
        """Scalars of the call, and of a tensor after so many prepasses, as items use them."""
        used = {name for item in items for name in names(expression_of(item))}
        used -= {item.target for item in items}
        plan, factors = self.plan, factor_columns(program, prepasses)
        sources = {
            name: self.cell("scalars", "row", len(plan.scalars), column)
            for column, name in enumerate(plan.scalars)
        }
        sources |= {
            name: self.cell("factors", "tensor", self.most_factors, column)
            for name, column in factors.items()
        }
        conditions = plan.booleans | tensor_conditions(program)
        return [
            f"{self.host.name(name)} = {(truth if name in conditions else number)(source)}"
            for name, source in sources.items()
            if name in used
        ]

    @property
    def most_factors(self) -> int:
        """The width of the table of tensor scalars, which all programs share."""
        programs = self.plan.programs
        return max(len(factor_columns(program, len(program.prepasses))) for program in programs)


def tensor_conditions(program: Program) -> frozenset[str]:
    """The scalars of a tensor that are true or false."""
    scalars = (item for prepass in program.prepasses for item in prepass.scalars.body)
    return frozenset(item.target for item in scalars if item.boolean)


def when_assigned(name: str, items: Iterable[Assignment]) -> Condition:
    """When a name gets a value of these; always, where it isn't theirs."""
    guards = [item.guard for item in items if item.target == name]
    found = NEVER if guards else ALWAYS
    for guard in guards:
        found |= guard
    return found


def factor_columns(program: Program, prepasses: int) -> dict[str, int]:
    """The columns of the tensor scalars that the first so many prepasses leave behind."""
    found = [
        item.target for prepass in program.prepasses[:prepasses] for item in prepass.scalars.body
    ]
    return {name: column for column, name in enumerate(dict.fromkeys(found))}


def all_items(plan: Plan) -> Iterator[Item]:
    """Everything that a plan computes."""
    yield from plan.host.body
    for program in plan.programs:
        for prepass in program.prepasses:
            yield from prepass.sums.body
            yield from prepass.scalars.body
        yield from program.elements.body


def _all_names(plan: Plan) -> set[str]:
    found = {buffer.name for buffer in plan.buffers}
    for item in all_items(plan):
        found |= {item.target, *names(expression_of(item))}
    return found - set(COUNTERS)
