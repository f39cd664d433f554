"""Statements of CUDA kernels: what a thread moves 16 bytes at a time, and does to each element."""

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
from optgen.compiler.ir.expression import Expression, Operation
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.function import Origin
from optgen.compiler.ir.plan import Assignment, Plan, Program, Reduction
from optgen.compiler.ir.reserved import CHECK_FINITE, NONFINITE

_ARRAY = "cuda.local.array"
_LOOP = ("Integer", "Integers", "Kernel", "RUNNING", "Reals", "Widths", "cuda", "kernel", "load")
_SUMS = ("PARTS", "clear", "float64", "fold", "fold_members", "is_last_block", "leave")
_HOST = ("CALLS", "Integer", "Integers", "Kernel", "Reals", "UPDATES", "Widths", "cuda", "float64")
_FIRST = "real: type, lanes: int, threads: int, widths: Widths"
#: How many numbers a row of each table has.
_WIDTHS = {Table.SCALARS: "n_scalars", Table.HYPERPARAMETERS: "n_scalars"}


class CudaPrinter(StatementPrinter):
    """Prints statements over lanes of a thread, and tables that are stretches of memory."""

    support: ClassVar = {
        **functions_from(
            "cuda",
            {
                Origin.MATH: "math",
                Origin.RUNTIME: "optgen.runtime.cuda.jit",
                Origin.COMMON: "optgen.runtime.cuda.functions",
            },
        ),
        **dict.fromkeys(["cuda", "float64"], "numba"),
        **dict.fromkeys(["CALLS", "RUNNING", "UPDATES"], "optgen.runtime.cuda.control"),
        **dict.fromkeys(
            [
                *("Function", "Integer", "Integers", "Kernel", "Reals", "Widths", "device"),
                *("kernel", "load", "store"),
            ],
            "optgen.runtime.cuda.jit",
        ),
        **dict.fromkeys(
            [
                *("PARTS", "add", "add_square", "clear", "fold", "fold_members"),
                *("is_last_block", "leave"),
            ],
            "optgen.runtime.cuda.sums",
        ),
    }

    def __init__(self, plan: Plan, naming: Naming) -> None:
        super().__init__(plan, naming)
        self.host = Printer(names=naming.renamed)
        # A thread has an array of its lanes for each buffer, which is called like it.
        lanes = {b: f"{naming.renamed.get(b, b)}[k]" for b in naming.columns.buffers}
        self.element = Printer("real", {**naming.renamed, **lanes})

    def context(self, function: Function) -> dict[str, Any]:
        """What the template of a function has holes for."""
        match function:
            case Elements(program=program):
                loop = {**self._lane_loop(function), **self._index(program)}
                return {**loop, "first": _FIRST, "runtime_switches": ("deferred",)}
            case Sums(program=program):
                loop = {**self._lane_loop(function), **self._index(program)}
                more = {"first": _FIRST, "runtime_switches": ("alone", "deferred")}
                return {**loop, **self._folding(function), **more}
            case TensorScalars():
                sums = self._places_of_sums(function.sums)
                return {
                    "first": "widths: Widths",
                    "reads": self.block([self._of_sums(one, sums) for one in function.reads]),
                    "body": self.block([self._scalar(one) for one in function.body]),
                }
            case HostScalars():
                body = self.block([self._scalar(one) for one in function.statements])
                return {"first": "widths: Widths", "body": body}
        raise TypeError(function)

    def uses(self, function: Function) -> Iterator[str]:
        """The names that a function needs imported."""
        yield from called_by(self._expressions(function), self.host, self.support)
        match function:
            case Elements():
                yield from (*_LOOP, "store")
            case Sums():
                yield from (*_LOOP, *_SUMS)
                for item in function.reductions:
                    yield "add_square" if _is_square(item) else "add"
            case TensorScalars():
                yield from ("Function", "Integers", "Reals", "Widths", "device")
            case FeatureScalars():
                yield from ("Integer", "Reals", "device")
            case HostScalars():
                yield from (*_HOST, "kernel")

    def _expressions(self, function: Function) -> Iterator[Expression]:
        """What a function computes; the sum of squares squares for itself."""
        for expression in expressions_of(function):
            is_sum = isinstance(function, Sums) and expression in self._squares(function)
            yield (
                expression.operands[0]
                if is_sum and isinstance(expression, Operation)
                else expression
            )

    @staticmethod
    def _squares(function: Sums) -> list[Expression]:
        return [one.term for one in function.reductions if _is_square(one)]

    def _lane_loop(self, function: Elements | Sums) -> dict[str, object]:
        moved = [one for one in function.body if isinstance(one, Load | Store)]
        touched = {one.buffer for one in moved}
        buffers = [name for name in self.naming.columns.buffers if name in touched]
        # Some are computed and used here, and neither loaded nor stored.
        computed = {one.target for one in function.body if isinstance(one, Assignment)}
        held = [name for name in self.naming.columns.buffers if name in touched | computed]
        return {
            "lanes": "\n".join(f"{self.name(b)} = {_ARRAY}(lanes, real)" for b in held),
            "reads": self.statements(function.reads),
            "addresses": self._addresses(buffers),
            "loads": self.block([self._moved(one) for one in moved if isinstance(one, Load)]),
            "body": self.statements(
                [one for one in function.body if not isinstance(one, Load | Store)]
            ),
            "stores": self.block([self._moved(one) for one in moved if isinstance(one, Store)]),
        }

    def _addresses(self, buffers: Sequence[str]) -> str:
        """Where the stretch of each buffer begins, and whether all begin at whole vectors."""
        lines = [
            f"{b}_address = addresses[n_buffers * tensor + {self.naming.column(b)}] + first"
            for b in buffers
        ]
        # A sum of what is the same for each element moves nothing.
        joined = " | ".join(f"{b}_address" for b in buffers)
        lines += [f"bits = {joined}", "aligned = bits & 15 == 0"] if buffers else ["aligned = True"]
        return "\n".join(lines)

    def _folding(self, function: Sums) -> dict[str, object]:
        """How the sums of threads become those of blocks, variables and the whole optimizer."""
        reductions = function.reductions
        width = len(reductions)
        totals = [f"{item.target}_total = {_ARRAY}(PARTS, real)" for item in reductions]
        clears = [Line(f"clear({item.target}_total)", item.guard) for item in reductions]
        leaves = [
            Line(f"leave(shared, {item.target}_total, partials, {width} * chunk + {k})", item.guard)
            for k, item in enumerate(reductions)
        ]
        checked = reductions[0].target == NONFINITE
        finish = function.finish
        switches = [self.name(name) for name in finish.switches] if finish else []
        given = ["widths", *(f"{name}={name}" for name in switches)]
        return {
            "count": width,
            "totals": "\n".join(totals),
            "clears": self.block(clears),
            "leaves": self.block(leaves),
            "finishes": f"alone and not ({CHECK_FINITE} and sums[0] != 0.0)"
            if checked
            else "alone",
            "finish": f"{finish.name}({', '.join(given)})" if finish else "",
        }

    def _index(self, program: Program) -> dict[str, object]:
        """The number of the program that must be running: what runs beside the update has its."""
        return {"index": self.plan.programs.index(program) if program.gate else 0}

    def line(self, statement: Statement) -> Line:
        """One line of the loop over lanes, or of what comes before it."""
        match statement:
            case Load() | Store():
                return self._moved(statement)
            case Read(name, _, guard, boolean):
                source = self._cell(statement)
                # Compared in the loop's own type, so not in float64.
                value = f"real({source}) != real(0)" if boolean else f"real({source})"
                return Line(f"{self.name(name)} = {value}", guard)
            case Assignment():
                text = f"{self.element.name(statement.target)} = "
                text += printed(statement.expression, self.element)
                return Line(text, statement.guard, statement.block)
            case Reduction():
                term, total = statement.term, f"{statement.target}_total"
                if isinstance(term, Operation) and _is_square(statement):
                    text = f"add_square({total}, {printed(term.operands[0], self.element)})"
                else:
                    text = f"add({total}, {printed(term, self.element)})"
                return Line(text, statement.guard, statement.block)
        raise TypeError(statement)

    def _moved(self, statement: Load | Store) -> Line:
        what = "load" if isinstance(statement, Load) else "store"
        name = statement.buffer
        text = f"{what}({self.name(name)}, {name}_address, i, count, whole)"
        return Line(text, statement.guard)

    def _cell(self, statement: Read | Write) -> str:
        row = "tensor" if statement.table is Table.FACTORS else "row"
        if statement.table is Table.HYPERPARAMETERS:
            row = "slot"
        width = _WIDTHS.get(statement.table, "n_factors")
        return f"{statement.table.value}[{width} * {row} + {self.naming.column(statement.name)}]"

    @staticmethod
    def _places_of_sums(reductions: Sequence[Reduction]) -> dict[str, str]:
        """Row 0 holds the sums over all variables, the others those over each."""
        width = len(reductions)
        each = f"sums[{width} * (tensor + 1) + {{}}]" if width > 1 else "sums[tensor + 1]"
        return {
            item.target: f"sums[{k}]" if item.extent is Extent.OPTIMIZER else each.format(k)
            for k, item in enumerate(reductions)
        }

    def _of_sums(self, read: Read, sums: dict[str, str]) -> Line:
        if read.table in (Table.SUMS, Table.TOTALS):
            return Line(f"{self.name(read.name)} = {sums[read.name]}", read.guard)
        if read.table is Table.SIZES:
            return Line(f"{self.name(read.name)} = sizes[tensor]", read.guard)
        return self._scalar(read)

    def _scalar(self, statement: Statement) -> Line:
        """One line of float64 arithmetic on scalars."""
        match statement:
            case Read(name, _, guard, boolean):
                truth = " != 0.0" if boolean else ""
                return Line(f"{self.name(name)} = {self._cell(statement)}{truth}", guard)
            case Write(name, _, guard, expression):
                value = self.name(name) if expression is None else printed(expression, self.host)
                return Line(f"{self._cell(statement)} = {value}", guard)
            case Assignment():
                text = f"{self.name(statement.target)} = {printed(statement.expression, self.host)}"
                return Line(text, statement.guard)
        raise TypeError(statement)


def _is_square(reduction: Reduction) -> bool:
    return isinstance(reduction.term, Operation) and reduction.term.operator == "square"
