"""Statements of CPU kernels: loads, arithmetic, sums and stores of an element loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from optgen.compiler.emit.code import (
    Axes,
    Elements,
    FeatureScalars,
    Fetch,
    Function,
    Group,
    HostScalars,
    Load,
    Pass,
    Put,
    Read,
    Statement,
    Store,
    Sums,
    Table,
    TensorScalars,
    Write,
)
from optgen.compiler.emit.layout import INDENT, Line
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
from optgen.compiler.ir.extent import VECTORS, Extent
from optgen.compiler.ir.function import Origin
from optgen.compiler.ir.plan import Assignment, Plan, Reduction
from optgen.compiler.ir.reduction import Combination
from optgen.compiler.ir.reserved import COLUMNS, LENGTHS, MATRIX, ROWS, SHAPES

_KERNEL = ("Array", "Kernel", "kernel")
_LOOP = ("BLOCK", "Loop", "block", "flush_denormals", "restore")
_FIRST = "real: type, loop: Loop"
#: The function that combines partial results.
COMBINED = {
    Combination.SUM: "add_in_any_order",
    Combination.LARGEST: "maximum",
    Combination.SMALLEST: "minimum",
}
#: The index of a vector's element in a loop over one of another extent.
_INDEX = {Extent.MATRIX: "matrix_index", Extent.ROWS: "line", Extent.COLUMNS: "line"}
#: What the results of chunks and tiles are folded into.
_PLACES = {Extent.TENSOR: "numbers", Extent.OPTIMIZER: "numbers", Extent.MATRIX: "rows"}
_PLACES |= {Extent.ROWS: "rows", Extent.COLUMNS: "columns"}


class CpuPrinter(StatementPrinter):
    """Prints statements over tables and blocks, which are arrays.

    Loops over elements use ``index`` as the index of blocks.
    """

    index = "i"

    support: ClassVar = {
        **functions_from(
            "cpu",
            {
                Origin.MATH: "math",
                Origin.RUNTIME: "optgen.runtime.cpu.elementary",
                Origin.COMMON: "optgen.runtime.cpu.functions",
            },
        ),
        **dict.fromkeys(["float64", "int64"], "numba"),
        "sum_in_order": "optgen.runtime.cpu.functions",
        **dict.fromkeys(["flush_denormals", "restore"], "optgen.runtime.cpu.denormals"),
        **dict.fromkeys(
            ["Array", "Kernel", "Loop", "function", "kernel"], "optgen.runtime.cpu.jit"
        ),
        **dict.fromkeys(
            ["BLOCK", "add_in_any_order", "block", "number_at", "view"],
            "optgen.runtime.cpu.pointers",
        ),
        **dict.fromkeys(["fold_columns", "fold_numbers", "fold_rows"], "optgen.runtime.cpu.folds"),
        "inf": "math",
    }

    def __init__(self, plan: Plan, naming: Naming) -> None:
        super().__init__(plan, naming)
        self.host = Printer(names=naming.renamed)
        self.element = Printer("real", naming.renamed)

    def context(self, function: Function) -> dict[str, Any]:
        """What the template of a function has holes for."""
        match function:
            case Elements():
                return {**self._element_loop(function), "first": _FIRST}
            case Sums():
                return {**self._element_loop(function), **self._partials(function), "first": _FIRST}
            case TensorScalars():
                totals = [read for read in function.reads if read.table is Table.TOTALS]
                others = [read for read in function.reads if read.table is not Table.TOTALS]
                sums = {item.target: k for k, item in enumerate(function.sums)}
                return {
                    "totals": self.block([self._of_sums(read, sums) for read in totals]),
                    "reads": self.block([self._of_sums(read, sums) for read in others]),
                    "body": self.block([one for g in function.groups for one in self._group(g)]),
                }
            case HostScalars():
                return {"body": self.block([self._scalar(one) for one in function.statements])}
        raise TypeError(function)

    def uses(self, function: Function) -> Iterator[str]:
        """The names that a function needs imported."""
        yield from called_by(expressions_of(function), self.host, self.support)
        if isinstance(function, Pass):
            yield from (*_KERNEL, *_LOOP)
            if any(one.table is Table.NUMBERS for one in function.reads):
                yield from ("float64", "number_at")
            yield from self._used_by_reductions(function)
        match function:
            case Axes():
                yield from ("float64", "int64", "view")
            case TensorScalars():
                yield from self._used_by_scalars(function)
            case FeatureScalars():
                yield from ("Array", "function")
            case HostScalars():
                yield from _KERNEL

    def _used_by_scalars(self, function: TensorScalars) -> Iterator[str]:
        yield from _KERNEL
        if any(read.table is Table.TOTALS for read in function.reads):
            yield "sum_in_order"
        if any(read.table is Table.NUMBERS for read in function.reads):
            yield from ("float64", "number_at")
        if function.has_vectors:
            yield from ("float64", "int64", "view")
        for one in function.body:
            if isinstance(one, Reduction):
                yield from _used_by_reduction(one)

    def _used_by_reductions(self, function: Pass) -> Iterator[str]:
        for one in function.reductions:
            yield "float64"
            if isinstance(function, Axes) or one.combination is not Combination.SUM:
                yield f"fold_{_PLACES[one.extent]}"
            yield from _used_by_reduction(one)

    def _element_loop(self, function: Pass) -> dict[str, object]:
        return {
            "reads": self.statements(function.reads),
            "blocks": self.block(self.blocks(function.body, "first", "start", "size")),
            "body": self.statements(function.body),
        }

    def _partials(self, function: Pass) -> dict[str, object]:
        """Sums of a chunk: how they begin, where they are left, and how they are added up."""
        numbers = [one for one in function.reductions if one.extent not in VECTORS]
        targets = [self.name(item.target) for item in numbers]
        zeros = [f"{name} = {start_of(one)}" for name, one in zip(targets, numbers, strict=True)]
        partials = [f"partial[chunk, {k}] = {name}" for k, name in enumerate(targets)]
        if all(one.combination is Combination.SUM for one in numbers):
            folds = [
                "for chunk in range(chunks.shape[0]):",
                f"    for k in range({len(targets)}):",
                "        sums[chunks[chunk, 0], k] += partial[chunk, k]",
            ]
        else:
            folds = [
                f"fold_numbers(chunks, partial, sums, {k}, {one.combination.order})"
                for k, one in enumerate(numbers)
            ]
        more = {"zeros": zeros, "partials": partials, "folds": folds}
        return {title: "\n".join(lines) for title, lines in more.items()}

    def line(self, statement: Statement) -> Line:
        """One line of an element loop, or of what comes before it."""
        match statement:
            case Load(buffer, guard):
                return Line(f"{self.name(buffer)} = {buffer}_block[{self.index}]", guard, "load")
            case Store(buffer, guard):
                return Line(f"{buffer}_block[{self.index}] = {self.name(buffer)}", guard, "store")
            case Read(name, _, guard, boolean):
                source = self._cell(statement)
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
        target = self.name(reduction.target)
        summand = self.term(reduction, self.element, "float64")
        text = f"{target} = {COMBINED[reduction.combination]}({target}, {summand})"
        return Line(text, reduction.guard, reduction.block)

    @staticmethod
    def term(reduction: Reduction, printer: Printer, wide: str = "") -> str:
        """The term of a reduction, widened by a function before it is squared."""
        term = reduction.term
        if isinstance(term, Operation) and term.operator == "square":
            # The square of a float32 may overflow.
            inner = printed(term.operands[0], printer)
            return f"square({wide}({inner}))" if wide else f"square({inner})"
        inner = printed(term, printer)
        return f"{wide}({inner})" if wide else inner

    def blocks(self, body: Sequence[Statement], first: str, start: str, size: str) -> list[Line]:
        """The stretch of each buffer that the loop over elements goes through at a time."""
        guards: dict[str, Condition] = {}
        for one in body:
            if isinstance(one, Load | Store):
                guards[one.buffer] = guards.get(one.buffer, NEVER) | one.guard
        return [
            Line(
                f"{buffer}_block = block(addresses[tensor, {self.naming.column(buffer)}]"
                f" + {first}, {start}, {size}, real)",
                guards[buffer],
            )
            for buffer in self.naming.columns.buffers
            if buffer in guards
        ]

    def _cell(self, statement: Read | Write) -> str:
        """Where a number is read or written."""
        column = self.naming.column(statement.name)
        match statement.table:
            case Table.NUMBERS:
                return f"number_at(addresses[tensor, {column}], float64)"
            case Table.SHARED:
                return f"factors[-1, {column}]"
            case Table.FACTORS:
                return f"factors[tensor, {column}]"
        return f"{statement.table.value}[row, {column}]"

    def _of_sums(self, read: Read, sums: dict[str, int]) -> Line:
        match read.table:
            case Table.TOTALS:
                source = f"sum_in_order(sums[:, {sums[read.name]}])"
            case Table.SUMS:
                source = f"sums[tensor, {sums[read.name]}]"
            case Table.SIZES:
                source = f"sizes[tensor, {SHAPES.index(read.name)}]"
            case _:
                return self._scalar(read)
        return Line(f"{self.name(read.name)} = {source}", read.guard)

    def _scalar(self, statement: Statement) -> Line:
        """One line of float64 arithmetic on scalars."""
        match statement:
            case Read(name, _, guard, boolean):
                text = f"{self.name(name)} = {self._cell(statement)}{' != 0.0' if boolean else ''}"
                return Line(text, guard)
            case Write(name, _, guard, expression):
                value = self.name(name) if expression is None else printed(expression, self.host)
                return Line(f"{self._cell(statement)} = {value}", guard)
            case Fetch(vector, extent, guard):
                text = f"{self.name(vector)} = {vector}_vector[{_INDEX[extent]}]"
                return Line(text, guard)
            case Put(vector, extent, guard):
                text = f"{vector}_vector[{_INDEX[extent]}] = {self.name(vector)}"
                return Line(text, guard)
            case Assignment():
                text = f"{self.name(statement.target)} = {printed(statement.expression, self.host)}"
                return Line(text, statement.guard)
            case Reduction():
                target, term = self.name(statement.target), self.term(statement, self.host)
                text = f"{target} = {COMBINED[statement.combination]}({target}, {term})"
                return Line(text, statement.guard)
        raise TypeError(statement)

    def _group(self, group: Group) -> list[Line]:
        """The lines of a group of statements; a loop over a vector is one of them."""
        if group.extent not in VECTORS:
            return [self._scalar(one) for one in (*group.reads, *group.body)]
        return [Line(self._loop(group), Condition.of(MATRIX))]

    def _loop(self, group: Group) -> str:
        """The loop over the rows, columns or matrices of a variable."""
        known = ((MATRIX, True),)
        body = [replace(one, guard=one.guard.given(known)) for one in (*group.reads, *group.body)]
        inside = [self._scalar(one) for one in body]
        used = {one.vector: one.extent for one in body if isinstance(one, Fetch | Put)}
        results = [one for one in body if isinstance(one, Reduction)]
        used |= {one.target: one.extent for one in results if one.extent in VECTORS}
        lines = [
            f"{name}_vector = view(addresses[tensor, {self.naming.column(name)}], "
            f"{self.count(extent)}, float64)"
            for name, extent in used.items()
        ]
        starts = {one.target: f"{self.name(one.target)} = {start_of(one)}" for one in results}
        of_matrix = {one.target for one in results if one.extent is Extent.MATRIX}
        lines += [text for name, text in starts.items() if name not in of_matrix]
        lines += [f"for matrix_index in range({self.count(Extent.MATRIX)}):"]
        lines += [f"    {text}" for name, text in starts.items() if name in of_matrix]
        depth = 1
        if group.extent is not Extent.MATRIX:
            each = ROWS if group.extent is Extent.ROWS else COLUMNS
            lines += [
                f"    size = sizes[tensor, {SHAPES.index(each)}]",
                "    for line in range(matrix_index * size, (matrix_index + 1) * size):",
            ]
            depth = 2
        lines += [f"{INDENT * depth}{text}" for text in self.block(inside).split("\n")]
        puts = (f"{name}_vector[matrix_index] = {self.name(name)}" for name in of_matrix)
        return "\n".join([*lines, *(f"    {text}" for text in puts)])

    @staticmethod
    def count(extent: Extent) -> str:
        """The number of elements of a vector."""
        return f"sizes[tensor, {SHAPES.index(LENGTHS[extent])}]"


def _used_by_reduction(reduction: Reduction) -> Iterator[str]:
    yield COMBINED[reduction.combination]
    if reduction.combination is not Combination.SUM:
        yield "inf"


def start_of(reduction: Reduction) -> str:
    """The value of a reduction of nothing."""
    return {Combination.SUM: "0.0", Combination.LARGEST: "-inf", Combination.SMALLEST: "inf"}[
        reduction.combination
    ]
