"""The lines of CPU kernels: what an element loop loads, adds up and stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from optgen.compiler.emit.layout import Line, indent
from optgen.compiler.emit.lines import KernelLines
from optgen.compiler.emit.meaning import printed
from optgen.compiler.ir.expression import Operation
from optgen.compiler.ir.plan import Access, Assignment, Item
from optgen.compiler.ir.reserved import KERNEL_ENDINGS, KERNEL_WORDS


class CpuLines(KernelLines):
    """Prints parts of a plan as loops over arrays."""

    words = KERNEL_WORDS
    endings = KERNEL_ENDINGS

    def cell(self, table: str, row: str, width: int, column: int) -> str:
        """An entry of a table, which is an array of two dimensions."""
        return f"{table}[{row}, {column}]"

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
            yield Line(f"{name} = {access.buffer}_block[i]", access.guard, "load")

    def stores(self, accesses: Iterable[Access]) -> Iterator[Line]:
        """Names into elements."""
        for access in accesses:
            name = self.element.name(access.buffer)
            yield Line(f"{access.buffer}_block[i] = {name}", access.guard, "store")

    def blocks(self, accesses: Iterable[Access]) -> str:
        """The stretch of each buffer that the loop over elements goes through at a time."""
        touched = {access.buffer for access in accesses}
        lines = [
            f"{buffer.name}_block = block(addresses[tensor, {column}] + first, start, size, real)"
            for column, buffer in enumerate(self.plan.buffers)
            if buffer.name in touched
        ]
        return indent(lines, 4)
