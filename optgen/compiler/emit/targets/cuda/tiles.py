"""Statements of CUDA kernels over matrices: strips of rows, with vectors of rows and columns."""

from __future__ import annotations

from typing import Any

from optgen.compiler.emit.code import Axes, Fetch, Function, Load, Statement, Store
from optgen.compiler.emit.layout import Line
from optgen.compiler.emit.meaning import printed
from optgen.compiler.emit.target import is_observed
from optgen.compiler.emit.targets.cuda.printer import ARRAY, CudaPrinter
from optgen.compiler.emit.targets.cuda.scalars import INDEX, ORDER, accumulated, start_of
from optgen.compiler.ir.expression import Operation
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.plan import Reduction

#: The lines whose values threads hold before they wait for each other, of all vectors together.
_HELD_LINES = 16
_MOST_LINES = 4


class TilePrinter(CudaPrinter):
    """Prints statements of a loop over the lines of strips."""

    place = "position"

    def context(self, function: Function) -> dict[str, Any]:
        """What the template of a function has holes for."""
        if not isinstance(function, Axes):
            return CudaPrinter(self.plan, self.naming).context(function)
        numbers, rows, columns = (
            [one for one in function.reductions if one.extent in extents]
            for extents in ((Extent.TENSOR, Extent.OPTIMIZER), (Extent.ROWS,), (Extent.COLUMNS,))
        )
        fetches = [one for one in function.body if isinstance(one, Fetch)]
        of_columns = [one for one in fetches if one.extent is Extent.COLUMNS]
        of_lines = [one for one in fetches if one.extent is not Extent.COLUMNS]
        loop = self.lane_loop(function, [one.vector for one in of_columns])
        arrays = [f"{one.target}_total = {ARRAY}(lanes, float64)" for one in columns]
        most = min(_MOST_LINES, max(1, _HELD_LINES // max(1, len(rows))))
        lines = [f"{one.target}_lines = cuda.shared.array(room, float64)" for one in rows]
        return {
            **loop,
            **self.index(function.program),
            "first": "formats: Formats, lanes: int, threads: int, widths: Widths, scattered: bool",
            "runtime_switches": ("deferred",),
            "lanes": "\n".join(filter(None, [loop["lanes"], *arrays])),
            "lines": "\n".join(lines),
            "most": most,
            "zeros": self._starts(numbers),
            "draws": loop["draws"] or is_observed(function),
            "parts": "\n".join(f"{one.target}_total[k] = {start_of(one)}" for one in columns),
            "vectors": "\n".join(
                f"{one.vector}_vector = reals({self.address(one.vector)})" for one in fetches
            ),
            "fetches": self.block([self._fetched(one) for one in of_columns]),
            "line_fetches": self.block([self._fetched(one) for one in of_lines]),
            "row_zeros": self._starts(rows),
            "row_leaves": self.block([self._row(k, one, most) for k, one in enumerate(rows)]),
            "column_leaves": self.block([self._column(k, one) for k, one in enumerate(columns)]),
            "leaves": self.leaves(numbers, "tile"),
            "count": len(numbers),
            "orders": self.orders(numbers),
            "results": "".join(f", {self._vector(one)}" for one in (*rows, *columns)),
        }

    def line(self, statement: Statement) -> Line:
        """One line of the loop over lines, or of what comes before it."""
        match statement:
            case Reduction():
                place = "[k]" if statement.extent is Extent.COLUMNS else ""
                total, combination = f"{statement.target}_total{place}", statement.combination
                text = accumulated(total, self._wide(statement), combination)
                return Line(text, statement.guard, statement.block)
        return super().line(statement)

    def moved(self, statement: Load | Store) -> Line:
        """A load or store of a thread's part of a line."""
        what = "take" if isinstance(statement, Load) else "give"
        name = statement.buffer
        place = f"{name}_start, offset, i, width, whole, columns"
        text = f"{what}({self.name(name)}, {place}, {self.naming.column(name)}, formats)"
        return Line(text, statement.guard)

    def _wide(self, reduction: Reduction) -> str:
        """The term of a reduction in float64; the square of a float32 may overflow."""
        term = reduction.term
        if isinstance(term, Operation) and term.operator == "square":
            return f"square(float64({printed(term.operands[0], self.element)}))"
        return f"float64({printed(term, self.element)})"

    def _fetched(self, fetch: Fetch) -> Line:
        if fetch.extent is Extent.COLUMNS:
            text = f"{self.name(fetch.vector)}[k] = real({fetch.vector}_vector[base + k])"
        else:
            source = f"{fetch.vector}_vector[{INDEX[fetch.extent]}]"
            text = f"{self.name(fetch.vector)} = real({source})"
        return Line(text, fetch.guard)

    @staticmethod
    def _starts(reductions: list[Reduction]) -> str:
        return "\n".join(f"{one.target}_total = {start_of(one)}" for one in reductions)

    @staticmethod
    def _row(k: int, reduction: Reduction, most: int) -> Line:
        name, order = reduction.target, ORDER[reduction.combination]
        given = f"{name}_lines, {most}, {name}_total, {order}, step, steps, across, count"
        place = f"row_parts, {k} * row_results + row_place" if k else "row_parts, row_place"
        return Line(f"leave_row({given}, {place})", reduction.guard)

    @staticmethod
    def _column(k: int, reduction: Reduction) -> Line:
        place = f"{k} * column_results + column_place" if k else "column_place"
        text = f"column_parts[{place} + i + k] = {reduction.target}_total[k]"
        return Line(text, reduction.guard)

    def _vector(self, reduction: Reduction) -> str:
        order = ORDER[reduction.combination]
        is_on = self._spelled(reduction.guard)
        return f"({self.naming.column(reduction.target)}, {order}, {is_on})"
