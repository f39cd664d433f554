"""Statements of CPU kernels: loads, arithmetic, sums and stores of an element loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from optgen.compiler.emit.code import (
    Elements,
    FeatureScalars,
    Function,
    HostScalars,
    Load,
    Read,
    Statement,
    Store,
    Sums,
    Table,
    TensorScalars,
    Write,
)
from optgen.compiler.emit.layout import Line
from optgen.compiler.emit.meaning import printed
from optgen.compiler.emit.printer import Printer
from optgen.compiler.emit.target import (
    Naming,
    StatementPrinter,
    called_by,
    expressions_of,
    functions_from,
)
from optgen.compiler.ir.condition import NEVER, Condition
from optgen.compiler.ir.expression import Operation
from optgen.compiler.ir.function import Origin
from optgen.compiler.ir.plan import Assignment, Plan, Reduction

_KERNEL = ("Array", "Kernel", "kernel")
_LOOP = ("BLOCK", "Loop", "block", "flush_denormals", "restore")


class CpuPrinter(StatementPrinter):
    """Prints statements over tables and blocks, which are arrays."""

    support: ClassVar = {
        **functions_from(
            "cpu",
            {
                Origin.MATH: "math",
                Origin.RUNTIME: "optgen.runtime.cpu.elementary",
                Origin.COMMON: "optgen.runtime.cpu.functions",
            },
        ),
        "float64": "numba",
        "sum_in_order": "optgen.runtime.cpu.functions",
        **dict.fromkeys(["flush_denormals", "restore"], "optgen.runtime.cpu.denormals"),
        **dict.fromkeys(
            ["Array", "Kernel", "Loop", "function", "kernel"], "optgen.runtime.cpu.jit"
        ),
        **dict.fromkeys(["BLOCK", "add_in_any_order", "block"], "optgen.runtime.cpu.pointers"),
    }

    def __init__(self, plan: Plan, naming: Naming) -> None:
        super().__init__(plan, naming)
        self.host = Printer(names=naming.renamed)
        self.element = Printer("real", naming.renamed)

    def context(self, function: Function) -> dict[str, Any]:
        """What the template of a function has holes for."""
        match function:
            case Elements():
                return {**self._element_loop(function), "first": "real: type, loop: Loop"}
            case Sums(prepass=prepass):
                targets = [self.name(item.target) for item in prepass.sums.reductions]
                zeros = [f"{target} = 0.0" for target in targets]
                partials = [f"partial[chunk, {k}] = {name}" for k, name in enumerate(targets)]
                loop = {**self._element_loop(function), "first": "real: type, loop: Loop"}
                more = {"zeros": "\n".join(zeros), "partials": "\n".join(partials)}
                return {**loop, **more, "count": len(targets)}
            case TensorScalars(prepass=prepass):
                totals = [read for read in function.reads if read.table is Table.TOTALS]
                others = [read for read in function.reads if read.table is not Table.TOTALS]
                sums = {item.target: k for k, item in enumerate(prepass.sums.reductions)}
                return {
                    "totals": self.block([self._of_sums(read, sums) for read in totals]),
                    "reads": self.block([self._of_sums(read, sums) for read in others]),
                    "body": self.block([self._scalar(one) for one in function.body]),
                }
            case HostScalars():
                return {"body": self.block([self._scalar(one) for one in function.statements])}
        raise TypeError(function)

    def uses(self, function: Function) -> Iterator[str]:
        """The names that a function needs imported."""
        yield from called_by(expressions_of(function), self.host, self.support)
        match function:
            case Elements():
                yield from (*_KERNEL, *_LOOP)
            case Sums():
                yield from (*_KERNEL, *_LOOP, "add_in_any_order", "float64")
            case TensorScalars():
                yield from _KERNEL
                if any(read.table is Table.TOTALS for read in function.reads):
                    yield "sum_in_order"
            case FeatureScalars():
                yield from ("Array", "function")
            case HostScalars():
                yield from _KERNEL

    def _element_loop(self, function: Elements | Sums) -> dict[str, object]:
        return {
            "reads": self.statements(function.reads),
            "blocks": self.block(self._blocks(function.body)),
            "body": self.statements(function.body),
        }

    def line(self, statement: Statement) -> Line:
        """One line of an element loop, or of what comes before it."""
        match statement:
            case Load(buffer, guard):
                return Line(f"{self.name(buffer)} = {buffer}_block[i]", guard, "load")
            case Store(buffer, guard):
                return Line(f"{buffer}_block[i] = {self.name(buffer)}", guard, "store")
            case Read(name, table, guard, boolean):
                row = "row" if table is Table.SCALARS else "tensor"
                source = f"{table.value}[{row}, {self.naming.column(name)}]"
                value = f"{source} != 0.0" if boolean else f"real({source})"
                return Line(f"{self.name(name)} = {value}", guard)
            case Assignment():
                text = f"{self.name(statement.target)} = "
                text += printed(statement.expression, self.element)
                return Line(text, statement.guard, statement.block)
            case Reduction():
                return self._added(statement)
        raise TypeError(statement)

    def _added(self, reduction: Reduction) -> Line:
        term, target = reduction.term, self.name(reduction.target)
        if isinstance(term, Operation) and term.operator == "square":
            # Widened before it is squared: the square of a float32 may overflow.
            summand = f"square(float64({printed(term.operands[0], self.element)}))"
        else:
            summand = f"float64({printed(term, self.element)})"
        text = f"{target} = add_in_any_order({target}, {summand})"
        return Line(text, reduction.guard, reduction.block)

    def _blocks(self, body: Sequence[Statement]) -> list[Line]:
        """The stretch of each buffer that the loop over elements goes through at a time."""
        guards: dict[str, Condition] = {}
        for one in body:
            if isinstance(one, Load | Store):
                guards[one.buffer] = guards.get(one.buffer, NEVER) | one.guard
        return [
            Line(
                f"{buffer}_block = block(addresses[tensor, {self.naming.column(buffer)}] + first, "
                "start, size, real)",
                guards[buffer],
            )
            for buffer in self.naming.columns.buffers
            if buffer in guards
        ]

    def _of_sums(self, read: Read, sums: dict[str, int]) -> Line:
        match read.table:
            case Table.TOTALS:
                source = f"sum_in_order(sums[:, {sums[read.name]}])"
            case Table.SUMS:
                source = f"sums[tensor, {sums[read.name]}]"
            case Table.SIZES:
                source = "sizes[tensor]"
            case _:
                return self._scalar(read)
        return Line(f"{self.name(read.name)} = {source}", read.guard)

    def _scalar(self, statement: Statement) -> Line:
        """One line of float64 arithmetic on scalars."""
        match statement:
            case Read(name, table, guard, boolean):
                row = "tensor" if table is Table.FACTORS else "row"
                source = f"{table.value}[{row}, {self.naming.column(name)}]"
                text = f"{self.name(name)} = {source}{' != 0.0' if boolean else ''}"
                return Line(text, guard)
            case Write(name, table, guard, expression):
                row = "tensor" if table is Table.FACTORS else "row"
                value = self.name(name) if expression is None else printed(expression, self.host)
                return Line(f"{table.value}[{row}, {self.naming.column(name)}] = {value}", guard)
            case Assignment():
                text = f"{self.name(statement.target)} = {printed(statement.expression, self.host)}"
                return Line(text, statement.guard)
        raise TypeError(statement)
