"""The lines of CUDA kernels: what a thread moves 16 bytes at a time, and does to each element."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from optgen.compiler.emit.layout import Line, indent
from optgen.compiler.emit.lines import KernelLines
from optgen.compiler.emit.meaning import printed
from optgen.compiler.ir.expression import Operation
from optgen.compiler.ir.plan import Access, Assignment, Item, Reduction
from optgen.compiler.ir.reserved import CUDA_ENDINGS, CUDA_WORDS

_ARRAYS = "cuda.local.array"


class CudaLines(KernelLines):
    """Prints parts of a plan as loops over the lanes of a thread."""

    words = CUDA_WORDS
    endings = CUDA_ENDINGS

    def cell(self, table: str, row: str, width: int, column: int) -> str:
        """An entry of a table, which is one stretch of memory."""
        start = row if width == 1 else f"{width} * {row}"
        return f"{table}[{start} + {column}]" if column else f"{table}[{start}]"

    def truth(self, source: str) -> str:
        """A scalar that is 0 or 1 as a truth value; compared in the loop, so not in float64."""
        return f"real({source}) != real(0)"

    def item(self, item: Item) -> Line:
        """One line of the loop over lanes, under the name of the block that it comes from."""
        if isinstance(item, Assignment):
            return self.assignment(item, self.element, item.block)
        term, total = item.term, f"{item.target}_total"
        if isinstance(term, Operation) and term.operator == "square":
            text = f"add_square({total}, {printed(term.operands[0], self.element)})"
        else:
            text = f"add({total}, {printed(term, self.element)})"
        return Line(text, item.guard, item.block)

    def lanes(self, accesses: Iterable[Access]) -> str:
        """A thread's own array for each buffer."""
        return indent([f"{b}_lanes = {_ARRAYS}(lanes, real)" for b in self._touched(accesses)], 2)

    def addresses(self, accesses: Iterable[Access]) -> str:
        """Where the stretch of each buffer begins, and whether all begin at whole vectors."""
        touched = self._touched(accesses)
        width = len(self.plan.buffers)
        lines = [
            f"{buffer.name}_address = {self.cell('addresses', 'tensor', width, column)} + first"
            for column, buffer in enumerate(self.plan.buffers)
            if buffer.name in touched
        ]
        for place, name in enumerate(touched):
            lines.append(f"bits {'|=' if place else '='} {name}_address")
        # A sum of what is the same for each element moves nothing.
        lines.append("aligned = bits & 15 == 0" if touched else "aligned = True")
        return indent(lines, 3)

    def moves(self, what: str, accesses: Iterable[Access]) -> Iterator[Line]:
        """Calls of ``load`` or ``store`` for each buffer."""
        for access in accesses:
            name = access.buffer
            text = f"{what}({name}_lanes, {name}_address, i, count, whole)"
            yield Line(text, access.guard, what)

    def taken(self, accesses: Iterable[Access]) -> Iterator[Line]:
        """Lanes into names."""
        for access in accesses:
            name = self.element.name(access.buffer)
            yield Line(f"{name} = {access.buffer}_lanes[k]", access.guard)

    def given(self, accesses: Iterable[Access]) -> Iterator[Line]:
        """Names into lanes."""
        for access in accesses:
            name = self.element.name(access.buffer)
            yield Line(f"{access.buffer}_lanes[k] = {name}", access.guard, "keep")

    def totals(self, reductions: Sequence[Reduction]) -> str:
        """What a thread adds up in."""
        return indent(
            [f"{item.target}_total = {_ARRAYS}(PARTS, real)" for item in reductions],
            2,
        )

    def _touched(self, accesses: Iterable[Access]) -> list[str]:
        touched = {access.buffer for access in accesses}
        return [buffer.name for buffer in self.plan.buffers if buffer.name in touched]
