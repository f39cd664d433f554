"""The functions of a module: one for each program, with all features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from optgen.compiler.emit.code import Function, Statement
from optgen.compiler.emit.layout import Line
from optgen.compiler.emit.module import doc_of
from optgen.compiler.emit.printer import Printer
from optgen.compiler.emit.target import Naming, StatementPrinter
from optgen.compiler.emit.targets.torch.expressions import INDEX, PLACES
from optgen.compiler.emit.targets.torch.library import functions
from optgen.compiler.emit.targets.torch.nodes import parsed, written
from optgen.compiler.emit.targets.torch.statements import ProgramLines
from optgen.compiler.emit.templates import Templates
from optgen.compiler.ir.condition import ALWAYS, NEVER, Condition
from optgen.compiler.ir.expression import Expression, names, rename, text
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.plan import Plan, Program
from optgen.compiler.ir.randomness import has_draws
from optgen.compiler.ir.reserved import SHAPES
from optgen.compiler.ir.rule import COUNTERS, GRAD, PARAM

_PARTS = "Generator[tuple[int, Tensor], Tensor, None]"


@dataclass(frozen=True)
class Whole(Function):
    """A program as one function."""

    template = "program"

    program: Program


@dataclass(frozen=True)
class Gate(Function):
    """What decides whether a call makes an update."""

    template = "gate"

    condition: Expression


class TorchPrinter(StatementPrinter):
    """Prints each program as one function, in the order of the rule."""

    support: ClassVar[Mapping[str, str]] = {
        "Generator": "collections.abc",
        "Tensor": "torch",
        "math": "math",
        "torch": "torch",
    }

    def __init__(self, plan: Plan, naming: Naming) -> None:
        super().__init__(plan, naming)
        self.host = self.element = Printer()
        self._lines = {p.name: ProgramLines(plan, p, naming.renamed) for p in plan.programs}

    def functions(self, own: Sequence[Function]) -> Sequence[Function]:
        """One function for each program, and one for each gate."""
        gates = (program.gate for program in self.plan.programs if program.gate is not None)
        conditions = (b.proceed for b in self.plan.rule.blocks if b.proceed is not None)
        pairs = zip(gates, conditions, strict=True)
        return [
            *(Gate(gate, (), (), (), condition) for gate, condition in pairs),
            *(Whole(program.name, (), (), (), program) for program in self.plan.programs),
        ]

    def context(self, function: Function) -> dict[str, Any]:
        """What the template of a function has holes for."""
        if isinstance(function, Gate):
            used = [one for one in names(function.condition) if one not in COUNTERS]
            used += [one for one in COUNTERS if one in names(function.condition)]
            arguments = ", ".join(["*", *(f"{self.name(one)}: float" for one in used)])
            condition = text(rename(function.condition, self.naming.renamed))
            return {"arguments": arguments, "condition": written(parsed(condition))}
        assert isinstance(function, Whole)
        lines = self._lines[function.program.name]
        rows = [*self._loads(lines), *lines.body, *self._stores(lines)]
        return {
            "arguments": ", ".join(["tensors: dict[str, Tensor]", *self._arguments(lines, rows)]),
            "result": _PARTS if lines.yields else "None",
            "doc": doc_of(function.program),
            "body": self.block(rows),
        }

    def uses(self, function: Function) -> Iterator[str]:
        """The names that a function needs imported."""
        if not isinstance(function, Whole):
            return
        yield "Tensor"
        if self._lines[function.program.name].yields:
            yield "Generator"

    def called(self, templates: Templates) -> Iterator[str]:
        """The texts of functions that a module needs."""
        used = {name for lines in self._lines.values() for name in lines.expressions.called}
        return functions(used, self.plan.rule, templates)

    def needs(self, code: str) -> Iterator[str]:
        """The modules that code is written with."""
        yield from (name for name in ("math", "torch") if f"{name}." in code)

    def line(self, statement: Statement) -> Line:
        """No statement stands alone here."""
        raise TypeError(statement)

    def _arguments(self, lines: ProgramLines, rows: list[Line]) -> Iterator[str]:
        """The numbers, then the switches that a function takes."""
        used, rule = lines.used(), self.plan.rule
        numbers = [h.name for h in rule.hyperparameters if h.name in used and not h.is_switch]
        numbers += [one.name for one in rule.inputs if one.extent is not Extent.ELEMENT]
        numbers = [one for one in (*numbers, *COUNTERS, *SHAPES) if one in used]
        drawn = [*filter(has_draws, (step.expression for step, _ in lines.steps))]
        atoms = {atom for row in rows for atom in row.guard.atoms} | {*used}
        switches = [one.name for one in self.plan.switches if one.name in atoms]
        if numbers or drawn or switches:
            yield "*"
        yield from (f"{self.name(one)}: float" for one in numbers)
        if drawn:
            yield from (f"{INDEX}: int", f"{PLACES}: Tensor")
        yield from (f"{self.name(one)}: bool" for one in switches)

    def _loads(self, lines: ProgramLines) -> Iterator[Line]:
        used = lines.used()
        given = {one.name: _when(one.name, used) for one in self.plan.rule.inputs}
        arrays = [one.name for one in self.plan.rule.inputs if one.extent is Extent.ELEMENT]
        arrays = [name for name in (PARAM, GRAD, *arrays) if name in used]
        for name in arrays:
            yield Line(f'{self.name(name)} = tensors["{name}"]', given.get(name, ALWAYS), "load")
        for name, guard in lines.loaded():
            yield Line(f'{self.name(name)} = tensors["{name}"]', guard, "load")

    def _stores(self, lines: ProgramLines) -> Iterator[Line]:
        for name, guard in lines.stored():
            yield Line(f'tensors["{name}"] = {self.name(name)}', guard, "store")


def _when(name: str, used: Mapping[str, Condition]) -> Condition:
    return used.get(name, NEVER)
