"""Arithmetic on numbers and vectors in CPU kernels: float64, outside of loops over elements."""

from __future__ import annotations

from dataclasses import replace

from optgen.compiler.emit.code import Fetch, Group, Put, Read, Statement, Table, Write
from optgen.compiler.emit.layout import INDENT, Line
from optgen.compiler.emit.meaning import printed
from optgen.compiler.emit.printer import Printer
from optgen.compiler.emit.target import StatementPrinter
from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import Operation
from optgen.compiler.ir.extent import VECTORS, Extent
from optgen.compiler.ir.plan import Assignment, Reduction
from optgen.compiler.ir.reduction import Combination
from optgen.compiler.ir.reserved import COLUMNS, LENGTHS, MATRIX, ROWS, SHAPES

#: The function that combines partial results.
COMBINED = {
    Combination.SUM: "add_in_any_order",
    Combination.LARGEST: "larger",
    Combination.SMALLEST: "smaller",
}
#: The index of a vector's element in a loop over one of another extent.
_INDEX = {Extent.MATRIX: "matrix_index", Extent.ROWS: "line", Extent.COLUMNS: "line"}


class NumberPrinter(StatementPrinter):
    """Prints statements over numbers and vectors of variables."""

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

    def of_sums(self, read: Read, sums: dict[str, int]) -> Line:
        """One read before a stage of numbers; ``sums`` are the columns of results."""
        match read.table:
            case Table.TOTALS:
                source = f"sum_in_order(sums[:, {sums[read.name]}])"
            case Table.SUMS:
                source = f"sums[tensor, {sums[read.name]}]"
            case Table.SIZES:
                source = f"float64(sizes[tensor, {SHAPES.index(read.name)}])"
            case _:
                return self.scalar(read)
        return Line(f"{self.name(read.name)} = {source}", read.guard)

    def scalar(self, statement: Statement) -> Line:
        """One line of float64 arithmetic on scalars."""
        match statement:
            case Read(name, _, guard, boolean):
                text = f"{self.name(name)} = {self._cell(statement)}{' != 0.0' if boolean else ''}"
                return Line(text, guard)
            case Write(name, _, guard, expression):
                value = self.name(name) if expression is None else printed(expression, self.host)
                return Line(f"{self._cell(statement)} = {value}", guard)
            case Fetch(vector, extent, guard, boolean):
                text = f"{self.name(vector)} = {vector}_vector[{_INDEX[extent]}]"
                return Line(f"{text} != 0.0" if boolean else text, guard)
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

    def group(self, group: Group) -> list[Line]:
        """The lines of a group of statements; a loop over a vector is one of them."""
        if group.extent not in VECTORS:
            return [self.scalar(one) for one in (*group.reads, *group.body)]
        return [Line(self._loop(group), Condition.of(MATRIX))]

    def _loop(self, group: Group) -> str:
        """The loop over the rows, columns or matrices of a variable."""
        known = ((MATRIX, True),)
        body = [replace(one, guard=one.guard.given(known)) for one in (*group.reads, *group.body)]
        inside = [self.scalar(one) for one in body]
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


def start_of(reduction: Reduction) -> str:
    """The value of a reduction of nothing."""
    return {Combination.SUM: "0.0", Combination.LARGEST: "-inf", Combination.SMALLEST: "inf"}[
        reduction.combination
    ]
