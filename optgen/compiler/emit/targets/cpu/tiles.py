"""Statements of CPU kernels over matrices: tiles of rows and columns, with vectors of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from optgen.compiler.emit.code import Axes, Fetch, Function, Statement, Store
from optgen.compiler.emit.layout import INDENT, Line
from optgen.compiler.emit.target import drawn_by, is_observed
from optgen.compiler.emit.targets.cpu.numbers import COMBINED, start_of
from optgen.compiler.emit.targets.cpu.printer import CpuPrinter
from optgen.compiler.ir.condition import ALWAYS
from optgen.compiler.ir.extent import VECTORS, Extent
from optgen.compiler.ir.plan import Reduction

_INDEX = {Extent.MATRIX: "matrix_index", Extent.ROWS: "line", Extent.COLUMNS: "i"}


class TilePrinter(CpuPrinter):
    """Prints statements of a loop over the elements of a tile."""

    index, place = "at", "position"

    def context(self, function: Function) -> dict[str, Any]:
        """What the template of a function has holes for."""
        if not isinstance(function, Axes):
            return CpuPrinter(self.plan, self.naming).context(function)
        numbers = [one for one in function.reductions if one.extent not in VECTORS]
        # Those that never run here have a column, and no code.
        running = [one for one in numbers if one.guard.cases]
        rows = [one for one in function.reductions if one.extent is Extent.ROWS]
        columns = [one for one in function.reductions if one.extent is Extent.COLUMNS]
        self._parts = {one.target: k for k, one in enumerate(columns)}
        fetches = [one for one in function.body if isinstance(one, Fetch)]
        of_lines = [one for one in fetches if one.extent is not Extent.COLUMNS]
        body = [one for one in function.body if one not in of_lines]
        of_block = [self._stretch(one) for one in fetches if one not in of_lines]
        of_block += [self._part_of_block(one) for one in columns if one.guard.cases]
        parts = [*map(self._part, columns)]
        parts += [self._part_of_rows(*one) for one in enumerate(rows)]
        return {
            **self.storage(function.body),
            "first": "formats: Formats, loop: Loop, scattered: bool",
            "streams": self._streams(function),
            "reads": self.statements(function.reads),
            "zeros": self._starts(running),
            "vectors": self.block([self._vector(one) for one in of_lines]),
            "parts": self.block([line for line in parts if line.guard.cases]),
            "fetches": self.statements(of_lines),
            "row_zeros": self._starts(rows),
            "vector_blocks": self.block(of_block),
            "draws": bool(drawn_by(function)),
            "stores": any(isinstance(one, Store) for one in body) or is_observed(function),
            "body": self.statements(body),
            "row_parts": self._left(rows, "{name}_parts[line - first]"),
            "partials": self._left(numbers, "partial[tile, {k}]"),
            "folds": self.block([*self._folds(numbers), *self._folds(rows), *self._folds(columns)]),
        }

    def line(self, statement: Statement) -> Line:
        """One line of the loop over the elements of a tile."""
        if isinstance(statement, Fetch):
            source = f"{statement.vector}_vector[{_INDEX[statement.extent]}]"
            value = f"{source} != 0.0" if statement.boolean else f"real({source})"
            text = f"{self.name(statement.vector)} = {value}"
            return Line(text, statement.guard, "load")
        if isinstance(statement, Store):
            value = self.name(statement.buffer)
            text = f"store({statement.buffer}_block, at, position, {value})"
            return Line(text, statement.guard, "store")
        if isinstance(statement, Reduction) and statement.extent is Extent.COLUMNS:
            part = f"{statement.target}_parts[i]"
            term = self.term(statement, self.element, "float64")
            combined = COMBINED[statement.combination]
            return Line(f"{part} = {combined}({part}, {term})", statement.guard, statement.block)
        if isinstance(statement, Reduction):
            statement = replace(statement, is_rough=False)
        return super().line(statement)

    def _streams(self, function: Axes) -> str:
        """The number of arrays that a kernel goes through, which its switches decide."""
        guards = list(self.moved(function.body).values())
        first = Line(f"streams = {guards.count(ALWAYS)}", ALWAYS)
        others = [Line("streams += 1", guard) for guard in guards if guard != ALWAYS]
        return self.block([first, *others])

    def _vector(self, fetch: Fetch) -> Line:
        address = f"addresses[tensor, {self.naming.column(fetch.vector)}]"
        text = f"{fetch.vector}_vector = view({address}, {self.count(fetch.extent)}, float64)"
        return Line(text, fetch.guard)

    def _part(self, reduction: Reduction) -> Line:
        address = f"column_parts[{self._parts[reduction.target]}] + 8 * column_place"
        name = reduction.target
        text = f"{name}_parts = view({address}, column_count, float64)\n"
        # Threads share what a slice is assigned in a parallel loop: results were lost.
        text += "for k in range(column_count):\n"
        text += f"{INDENT}{name}_parts[k] = {start_of(reduction)}"
        return Line(text, reduction.guard)

    def _part_of_rows(self, k: int, reduction: Reduction) -> Line:
        address = f"row_parts[{k}] + 8 * row_place"
        text = f"{reduction.target}_parts = view({address}, count, float64)"
        return Line(text, reduction.guard)

    def _part_of_block(self, reduction: Reduction) -> Line:
        address = f"column_parts[{self._parts[reduction.target]}] + 8 * place"
        text = f"{reduction.target}_parts = view({address}, size, float64)"
        return Line(text, reduction.guard)

    def _stretch(self, fetch: Fetch) -> Line:
        address = f"addresses[tensor, {self.naming.column(fetch.vector)}] + 8 * base"
        return Line(f"{fetch.vector}_vector = view({address}, size, float64)", fetch.guard)

    def _starts(self, reductions: list[Reduction]) -> str:
        return "\n".join(f"{self.name(one.target)} = {start_of(one)}" for one in reductions)

    def _left(self, reductions: list[Reduction], place: str) -> str:
        lines = [
            Line(f"{place.format(k=k, name=one.target)} = {self.name(one.target)}", one.guard)
            for k, one in enumerate(reductions)
        ]
        return self.block([line for line in lines if line.guard.cases])

    def _folds(self, reductions: list[Reduction]) -> Iterator[Line]:
        """How the results of tiles become those of variables, rows and columns."""
        for k, one in enumerate(reductions):
            order = one.combination.order
            if not one.guard.cases:
                continue
            if one.extent not in VECTORS:
                yield Line(f"fold_numbers(tiles, partial, sums, {k}, {order})", one.guard)
                continue
            what = "rows" if one.extent is Extent.ROWS else "columns"
            column = self.naming.column(one.target)
            parts = f"{'row' if what == 'rows' else 'column'}_parts[{k}]"
            text = f"fold_{what}(tiles, addresses, sizes, {column}, {parts}, {order})"
            yield Line(text, one.guard)
