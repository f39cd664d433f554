"""The lines of CPU kernels: assignments, loads, stores, and what is read before a loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from optgen.compiler.emit.layout import Line, indent
from optgen.compiler.emit.meaning import printed
from optgen.compiler.emit.printer import Printer
from optgen.compiler.nouns.condition import ALWAYS, NEVER, Condition
from optgen.compiler.nouns.expression import Expression, Operation, names
from optgen.compiler.nouns.plan import Access, Assignment, Plan, Program, Reduction
from optgen.compiler.nouns.reserved import KERNEL_WORDS
from optgen.compiler.nouns.rule import COUNTERS

Item = Assignment | Reduction


class Lines:
    """Prints parts of a plan; host values in float64, elements in the parameter's dtype."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        # A name of the spec that kernels need for themselves gets an underscore.
        reserved = KERNEL_WORDS | {program.name for program in plan.programs}
        renamed = {
            name: f"{name}_"
            for name in _all_names(plan)
            if name in reserved or name.endswith("_chunk")
        }
        self.host = Printer(names=renamed)
        self.element = Printer("real", renamed)

    def assignment(self, item: Assignment, printer: Printer, section: str = "") -> Line:
        """``target = expression``."""
        text = f"{printer.name(item.target)} = {printed(item.expression, printer)}"
        return Line(text, item.guard, section)

    def item(self, item: Item) -> Line:
        """One line of an element loop, under the name of the block that it comes from."""
        if isinstance(item, Assignment):
            return self.assignment(item, self.element, item.block)
        term = item.term
        if isinstance(term, Operation) and term.operator == "square":
            # Widened before it is squared: the square of a float32 may overflow.
            summand = f"square(float64({printed(term.operands[0], self.element)}))"
        else:
            summand = f"float64({printed(term, self.element)})"
        target = self.element.name(item.target)
        return Line(f"{target} = add_in_any_order({target}, {summand})", item.guard, item.block)

    def loads(self, accesses: Iterable[Access]) -> Iterator[Line]:
        """Elements into names."""
        for access in accesses:
            name = self.element.name(access.buffer)
            yield Line(f"{name} = {access.buffer}_chunk[i]", access.guard, "load")

    def stores(self, accesses: Iterable[Access]) -> Iterator[Line]:
        """Names into elements."""
        for access in accesses:
            name = self.element.name(access.buffer)
            yield Line(f"{access.buffer}_chunk[i] = {name}", access.guard, "store")

    def views(self, accesses: Iterable[Access]) -> str:
        """The stretch of each buffer that a chunk covers."""
        touched = {access.buffer for access in accesses}
        lines = [
            f"{buffer.name}_chunk = view(addresses[tensor, {column}] + first, count, real)"
            for column, buffer in enumerate(self._plan.buffers)
            if buffer.name in touched
        ]
        return indent(lines, 3)

    def scalar_reads(self, items: Sequence[Item], factors: dict[str, int]) -> str:
        """The scalars that an element loop uses, rounded to the parameter's dtype."""
        used = {name for item in items for name in names(expression_of(item))}
        used -= {item.target for item in items}
        lines = []
        for column, scalar in enumerate(self._plan.scalars):
            if scalar in used:
                source = f"scalars[row, {column}]"
                boolean = scalar in self._plan.booleans
                value = f"{source} != 0.0" if boolean else f"real({source})"
                lines.append(f"{self.element.name(scalar)} = {value}")
        for name, column in factors.items():
            if name in used:
                lines.append(f"{self.element.name(name)} = real(factors[tensor, {column}])")
        return indent(lines, 3)

    def switches(self, items: Iterable[Item], guards: Iterable[Condition]) -> tuple[str, ...]:
        """The switches that a function asks for, in the order of the plan."""
        asked: set[str] = set()
        for item in items:
            asked |= {*item.guard.atoms, *names(expression_of(item))}
        for guard in guards:
            asked |= set(guard.atoms)
        return tuple(switch.name for switch in self._plan.switches if switch.name in asked)

    def defined(self, scalar: str) -> Condition:
        """When the host computes a scalar."""
        guards = [item.guard for item in self._plan.host if item.target == scalar]
        found = NEVER if guards else ALWAYS
        for guard in guards:
            found |= guard
        return found


def factor_columns(program: Program, prepasses: int) -> dict[str, int]:
    """The columns of the tensor scalars that the first so many prepasses leave behind."""
    found = [item.target for prepass in program.prepasses[:prepasses] for item in prepass.scalars]
    return {name: column for column, name in enumerate(dict.fromkeys(found))}


def expression_of(item: Item) -> Expression:
    """What an item computes."""
    return item.term if isinstance(item, Reduction) else item.expression


def all_items(plan: Plan) -> Iterator[Item]:
    """Everything that a plan computes."""
    yield from plan.host
    for program in plan.programs:
        for prepass in program.prepasses:
            yield from prepass.body
            yield from prepass.scalars
        yield from program.body


def _all_names(plan: Plan) -> set[str]:
    found = {buffer.name for buffer in plan.buffers}
    for item in all_items(plan):
        found |= {item.target, *names(expression_of(item))}
    return found - set(COUNTERS)
