"""Statements of float64 arithmetic on numbers and vectors, whose tables are stretches of memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from optgen.compiler.emit.code import Fetch, Group, Put, Read, Statement, Table, Write
from optgen.compiler.emit.layout import INDENT, Line
from optgen.compiler.emit.meaning import printed
from optgen.compiler.emit.printer import Printer
from optgen.compiler.emit.target import Naming, StatementPrinter
from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.extent import VECTORS, Extent
from optgen.compiler.ir.plan import Assignment, Plan, Reduction
from optgen.compiler.ir.reduction import Combination
from optgen.compiler.ir.reserved import COLUMNS, LENGTHS, MATRICES, MATRIX, ROWS, SHAPES

#: How many numbers a row of each table has.
_WIDTHS = {Table.SCALARS: "n_scalars", Table.HYPERPARAMETERS: "n_scalars"}
#: The index of a vector's element in a loop over one of another extent.
INDEX = {Extent.MATRIX: "matrix_index", Extent.ROWS: "line", Extent.COLUMNS: "line"}
#: The number that stands for a combination in the runtime.
ORDER = {Combination.SUM: 0, Combination.LARGEST: 1, Combination.SMALLEST: 2}
_STARTS = {Combination.SUM: "0.0", Combination.LARGEST: "-inf", Combination.SMALLEST: "inf"}
_EXTREMES = {Combination.LARGEST: "maximum", Combination.SMALLEST: "minimum"}


class ScalarPrinter(StatementPrinter):
    """Prints statements over tables, and loops over vectors that the threads of a block share."""

    def __init__(self, plan: Plan, naming: Naming) -> None:
        super().__init__(plan, naming)
        self.host = Printer(names=naming.renamed)

    def address(self, buffer: str) -> str:
        """The address of a buffer of a variable."""
        return f"addresses[n_buffers * tensor + {self.naming.column(buffer)}]"

    def cell(self, statement: Read | Write) -> str:
        """Where a number is read or written."""
        column = self.naming.column(statement.name)
        match statement.table:
            case Table.NUMBERS:
                return f"reals({self.address(statement.name)})[0]"
            case Table.SHARED:
                return f"factors[{column}]"
            case Table.FACTORS:
                return f"factors[of_tensor + {column}]"
        row = "slot" if statement.table is Table.HYPERPARAMETERS else "row"
        return f"{statement.table.value}[{_WIDTHS[statement.table]} * {row} + {column}]"

    @staticmethod
    def size(name: str) -> str:
        """A number of the shape of a variable."""
        place = SHAPES.index(name)
        return f"sizes[{len(SHAPES)} * tensor{f' + {place}' if place else ''}]"

    def reads_of_sums(self, reads: Sequence[Read], sums: Sequence[Reduction]) -> str:
        """Reads of numbers, where row 0 of sums is over all variables."""
        width = len(sums)
        each = f"sums[{width} * (tensor + 1) + {{}}]" if width > 1 else "sums[tensor + 1]"
        places = {
            item.target: f"sums[{k}]" if item.extent is Extent.OPTIMIZER else each.format(k)
            for k, item in enumerate(sums)
        }
        return self.block([self._of_sums(read, places) for read in reads])

    def _of_sums(self, read: Read, sums: dict[str, str]) -> Line:
        if read.table in (Table.SUMS, Table.TOTALS):
            return Line(f"{self.name(read.name)} = {sums[read.name]}", read.guard)
        if read.table is Table.SIZES:
            return Line(f"{self.name(read.name)} = {self.size(read.name)}", read.guard)
        return self.scalar(read)

    def scalar(self, statement: Statement) -> Line:
        """One line of float64 arithmetic on scalars."""
        match statement:
            case Read(name, _, guard, boolean):
                truth = " != 0.0" if boolean else ""
                return Line(f"{self.name(name)} = {self.cell(statement)}{truth}", guard)
            case Write(name, _, guard, expression):
                value = self.name(name) if expression is None else printed(expression, self.host)
                return Line(f"{self.cell(statement)} = {value}", guard)
            case Fetch(vector, extent, guard):
                return Line(f"{self.name(vector)} = {vector}_vector[{INDEX[extent]}]", guard)
            case Put(vector, extent, guard):
                return Line(f"{vector}_vector[{INDEX[extent]}] = {self.name(vector)}", guard)
            case Assignment():
                text = f"{self.name(statement.target)} = {printed(statement.expression, self.host)}"
                return Line(text, statement.guard)
            case Reduction():
                term = printed(statement.term, self.host)
                text = accumulated(self.name(statement.target), term, statement.combination)
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
        results = [one for one in body if isinstance(one, Reduction)]
        of_matrix = [one for one in results if one.extent is Extent.MATRIX]
        totals = [one for one in results if one.extent not in VECTORS]
        used = {one.vector for one in body if isinstance(one, Fetch | Put)}
        used |= {one.target for one in of_matrix}
        names = (one for one in self.naming.columns.buffers if one in used)
        lines = [f"{name}_vector = reals({self.address(name)})" for name in names]
        lines += [f"{self.name(one.target)} = {start_of(one)}" for one in totals]
        inside = self.block([self.scalar(one) for one in body]).split("\n")
        if of_matrix:
            lines += self._of_matrices(group.extent, inside, of_matrix)
        else:
            fetches = [one for one in group.reads if isinstance(one, Fetch)]
            lines += self._of_all(group.extent, inside, fetches)
        for one in totals:
            name = self.name(one.target)
            lines.append(f"{name} = over_block(shared, {name}, {ORDER[one.combination]})")
        return "\n".join([*lines, "cuda.syncthreads()"])

    def _of_all(self, extent: Extent, inside: Sequence[str], fetches: Sequence[Fetch]) -> list[str]:
        """The loop over all elements of a vector."""
        indented = [f"{INDENT}{text}" for text in inside]
        head = f"in range(thread, {self.size(LENGTHS[extent])}, threads):"
        if extent is Extent.MATRIX:
            return [f"for matrix_index {head}", *indented]
        if not any(one.extent is Extent.MATRIX for one in fetches):
            return [f"for line {head}", *indented]
        size = self.size(ROWS if extent is Extent.ROWS else COLUMNS)
        index = [f"{INDENT}matrix_index = line // size"]
        return [f"size = {size}", f"for line {head}", *index, *indented]

    def _of_matrices(
        self, extent: Extent, inside: Sequence[str], results: Sequence[Reduction]
    ) -> list[str]:
        """The loop over a vector that reduces it to one number for each matrix.

        Threads share a matrix, or take one each if there are many.
        """
        size = self.size(ROWS if extent is Extent.ROWS else COLUMNS)
        lines = [
            f"size, matrices = {size}, {self.size(MATRICES)}",
            "apart = matrices >= threads",
            "for matrix_index in range(thread if apart else 0, matrices, threads if apart else 1):",
            *(f"{INDENT}{self.name(one.target)} = {start_of(one)}" for one in results),
            f"{INDENT}begin, stride = (0, 1) if apart else (thread, threads)",
            f"{INDENT}for k in range(begin, size, stride):",
            f"{INDENT * 2}line = matrix_index * size + k",
            *(f"{INDENT * 2}{text}" for text in inside),
        ]
        for one in results:
            name, order = self.name(one.target), ORDER[one.combination]
            lines += [
                f"{INDENT}if not apart:",
                f"{INDENT * 2}{name} = over_block(shared, {name}, {order})",
                f"{INDENT}{one.target}_vector[matrix_index] = {name}",
            ]
        return lines


def start_of(reduction: Reduction) -> str:
    """The value of a reduction of nothing."""
    return _STARTS[reduction.combination]


def accumulated(total: str, term: str, combination: Combination) -> str:
    """The statement that takes a term into a reduction."""
    if combination is Combination.SUM:
        return f"{total} += {term}"
    return f"{total} = {_EXTREMES[combination]}({total}, {term})"
