"""Statements of CUDA kernels: what a thread moves as vectors, and does to each element."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from optgen.compiler.emit.code import (
    Axes,
    Elements,
    Fetch,
    Function,
    HostScalars,
    Load,
    Pass,
    Read,
    Statement,
    Store,
    Sums,
    Table,
    TensorScalars,
)
from optgen.compiler.emit.layout import Line
from optgen.compiler.emit.meaning import printed
from optgen.compiler.emit.printer import Printer
from optgen.compiler.emit.target import (
    Naming,
    called_by,
    drawn_by,
    is_observed,
)
from optgen.compiler.emit.targets.cuda.imported import (
    SUPPORT,
    expressions,
    is_square,
    is_sum,
    used_by,
)
from optgen.compiler.emit.targets.cuda.scalars import (
    ORDER,
    ScalarPrinter,
    accumulated,
    start_of,
)
from optgen.compiler.ir.expression import Operation
from optgen.compiler.ir.extent import SQUARES, Extent
from optgen.compiler.ir.plan import Assignment, Plan, Program, Reduction
from optgen.compiler.ir.reserved import CHECK_FINITE, NONFINITE, RANDOM
from optgen.compiler.ir.rule import NEW_PARAM, PARAM

ARRAY = "cuda.local.array"
_FIRST = "formats: Formats, lanes: int, threads: int, widths: Widths"
#: Extents of buffers of which a thread has an array of lanes.
_LANES = (Extent.ELEMENT, Extent.COLUMNS, *SQUARES)


class CudaPrinter(ScalarPrinter):
    """Prints statements over lanes of a thread, and tables that are stretches of memory."""

    support: ClassVar = SUPPORT
    #: The place of an element in its stretch.
    place = "i + k"

    def __init__(self, plan: Plan, naming: Naming) -> None:
        super().__init__(plan, naming)
        extents = {one.name: one.extent for one in (*plan.buffers, *plan.vectors)}
        # A thread has an array of its lanes for each buffer, which is called like it.
        lanes = {
            b: f"{naming.renamed.get(b, b)}[k]"
            for b in naming.columns.buffers
            if extents.get(b, Extent.ELEMENT) in _LANES
        }
        self.element = Printer("real", {**naming.renamed, **lanes}, draws="real, tensor, position")

    def context(self, function: Function) -> dict[str, Any]:
        """What the template of a function has holes for."""
        match function:
            case Elements(program=program):
                loop = {**self.lane_loop(function), **self.index(program)}
                return {**loop, "first": _FIRST, "runtime_switches": ("deferred",)}
            case Sums(program=program):
                loop = {**self.lane_loop(function), **self.index(program)}
                more = {"first": _FIRST, "runtime_switches": ("alone", "deferred")}
                return {**loop, **self._folding(function), **more}
            case TensorScalars():
                return {
                    "first": "widths: Widths",
                    "reads": self.reads_of_sums(function.reads, function.sums),
                    "body": self.block([one for g in function.groups for one in self.group(g)]),
                    "has_vectors": function.has_vectors,
                }
            case HostScalars():
                body = self.block([self.scalar(one) for one in function.statements])
                return {"first": "widths: Widths", "body": body}
        raise TypeError(function)

    def uses(self, function: Function) -> Iterator[str]:
        """The names that a function needs imported."""
        yield from called_by(expressions(function), self.host, self.support)
        yield from used_by(function)

    def lane_loop(self, function: Pass, vectors: Sequence[str] = ()) -> dict[str, Any]:
        """The holes of a loop over elements; ``vectors`` have lanes too."""
        moved = [one for one in function.body if isinstance(one, Load | Store)]
        touched = {one.buffer for one in moved}
        placed = touched | ({PARAM} if is_observed(function) else set())
        buffers = [name for name in self.naming.columns.buffers if name in placed]
        # Some are computed and used here, and neither loaded nor stored.
        held = touched | {one.target for one in function.body if isinstance(one, Assignment)}
        held |= {*vectors}
        names = [name for name in self.naming.columns.buffers if name in held]
        inside = [one for one in function.body if not isinstance(one, Load | Store | Fetch)]
        return {
            "lanes": "\n".join(f"{self.name(b)} = {ARRAY}(lanes, real)" for b in names),
            "reads": self.statements(function.reads),
            "has_factors": any(read.table is Table.FACTORS for read in function.reads),
            "addresses": self._addresses(buffers, is_tile=isinstance(function, Axes)),
            "loads": self.block([self.moved(one) for one in moved if isinstance(one, Load)]),
            "body": self.statements(inside),
            "draws": bool(drawn_by(function)),
            "stores": self.block([self.moved(one) for one in moved if isinstance(one, Store)]),
        }

    def _addresses(self, buffers: Sequence[str], *, is_tile: bool) -> str:
        """Where the stretch of each buffer begins, and whether all begin at whole vectors."""
        place = "tensor, 0, 0" if is_tile else "tensor, first, origin"
        column = self.naming.column
        lines = [
            f"{b}_start = start_at(addresses, control, n_buffers, here, {column(b)}, formats)"
            for b in buffers
        ]
        # In a matrix, each line must begin at a whole vector.
        parts = [f"{b}_start[0]" for b in buffers] + (["stretch"] if is_tile else [])
        # A sum of what is the same for each element moves nothing.
        if buffers:
            lines.insert(0, f"here = {place}")
            lines += [f"bits = {' | '.join(parts)}", "aligned = bits % lanes == 0"]
        else:
            lines += ["aligned = True"]
        return "\n".join(lines)

    def _folding(self, function: Sums) -> dict[str, object]:
        """How the sums of threads become those of blocks, variables and the whole optimizer."""
        reductions = function.reductions
        totals = [
            f"{item.target}_total = {ARRAY}(PARTS, real)" for item in reductions if is_sum(item)
        ]
        starts = [
            f"clear({item.target}_total)"
            if is_sum(item)
            else f"{item.target}_total = real({start_of(item)})"
            for item in reductions
        ]
        clears = [Line(text, one.guard) for text, one in zip(starts, reductions, strict=True)]
        checked = reductions[0].target == NONFINITE
        finish = function.finish
        switches = [self.name(name) for name in finish.switches] if finish else []
        given = ["widths", *(f"{name}={name}" for name in switches)]
        return {
            "count": len(reductions),
            "orders": self.orders(reductions),
            "totals": "\n".join(totals),
            "clears": self.block(clears),
            "leaves": self.leaves(reductions, "chunk"),
            "finishes": f"alone and not ({CHECK_FINITE} and sums[0] != 0.0)"
            if checked
            else "alone",
            "finish": f"{finish.name}({', '.join(given)})" if finish else "",
        }

    def leaves(self, reductions: Sequence[Reduction], unit: str) -> str:
        """Where the blocks leave the reductions of a unit of work."""
        lines = []
        for k, item in enumerate(reductions):
            place = f"partials, {len(reductions)} * {unit} + {k}"
            text = f"leave(shared, {item.target}_total, {place})"
            if unit == "tile" or not is_sum(item):
                order = ORDER[item.combination]
                text = f"leave_number(shared, {item.target}_total, {order}, {place})"
            lines.append(Line(text, item.guard))
        return self.block(lines)

    @staticmethod
    def orders(reductions: Sequence[Reduction]) -> int:
        """Two bits for each of the reductions that are folded together."""
        return sum(ORDER[one.combination] << 2 * k for k, one in enumerate(reductions))

    def index(self, program: Program) -> dict[str, object]:
        """The number of the program that must be running: what runs beside the update has its."""
        return {"index": self.plan.programs.index(program) if program.gate else 0}

    def line(self, statement: Statement) -> Line:
        """One line of the loop over lanes, or of what comes before it."""
        match statement:
            case Read(name, _, guard, boolean):
                source = self.cell(statement)
                # Compared in the loop's own type, so not in float64.
                value = f"real({source}) != real(0)" if boolean else f"real({source})"
                if name in RANDOM:
                    # Whole numbers, which a float32 may not hold.
                    value = source
                return Line(f"{self.name(name)} = {value}", guard)
            case Assignment():
                value = printed(statement.expression, self.element)
                if statement.target == NEW_PARAM:
                    place = f"{PARAM}_start, {self.place}, {self.naming.column(PARAM)}"
                    value = f"as_stored({value}, {place}, formats)"
                text = f"{self.element.name(statement.target)} = {value}"
                return Line(text, statement.guard, statement.block)
            case Reduction():
                return Line(self._added(statement), statement.guard, statement.block)
        raise TypeError(statement)

    def _added(self, reduction: Reduction) -> str:
        term, total = reduction.term, f"{reduction.target}_total"
        if not is_sum(reduction):
            return accumulated(total, printed(term, self.element), reduction.combination)
        if isinstance(term, Operation) and is_square(reduction):
            return f"add_square({total}, {printed(term.operands[0], self.element)})"
        return f"add({total}, {printed(term, self.element)})"

    def moved(self, statement: Load | Store) -> Line:
        """A load or store of a thread's lanes."""
        what = "load" if isinstance(statement, Load) else "store"
        name = statement.buffer
        place = f"{name}_start, i, count, whole, {self.naming.column(name)}, formats"
        text = f"{what}({self.name(name)}, {place})"
        return Line(text, statement.guard)
