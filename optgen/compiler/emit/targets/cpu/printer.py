"""Statements of CPU kernels: loads, arithmetic, sums and stores of an element loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from optgen.compiler.emit.code import (
    Axes,
    Elements,
    FeatureScalars,
    Function,
    HostScalars,
    Load,
    Pass,
    Read,
    SharedScalars,
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
    expressions_of,
    functions_from,
    is_observed,
)
from optgen.compiler.emit.targets.cpu.numbers import COMBINED, NumberPrinter, start_of
from optgen.compiler.ir.condition import NEVER, Condition
from optgen.compiler.ir.extent import VECTORS, Extent
from optgen.compiler.ir.function import Origin
from optgen.compiler.ir.plan import Assignment, Plan, Reduction
from optgen.compiler.ir.randomness import DRAWS
from optgen.compiler.ir.reduction import Combination
from optgen.compiler.ir.reserved import RANDOM
from optgen.compiler.ir.rule import NEW_PARAM, PARAM

_KERNEL = ("Array", "Kernel", "kernel")
_LOOP = ("Formats", "Loop", "block", "flush_denormals", "restore")
_FIRST = "formats: Formats, loop: Loop"
#: What the results of chunks and tiles are folded into.
_PLACES = {Extent.TENSOR: "numbers", Extent.OPTIMIZER: "numbers", Extent.MATRIX: "rows"}
_PLACES |= {Extent.ROWS: "rows", Extent.COLUMNS: "columns"}


class CpuPrinter(NumberPrinter):
    """Prints statements over tables and blocks, which are arrays.

    Loops over elements use ``index`` as the index of blocks.
    """

    index = "i"
    #: The place of an element in its variable, where the storage of elements depends on it.
    place = "0"

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
            [
                *("AHEAD", "BLOCK", "add_in_any_order", "larger", "number_at", "smaller"),
                *("long_block", "strips", "view"),
            ],
            "optgen.runtime.cpu.pointers",
        ),
        **dict.fromkeys(["as_stored", "block", "encode", "store"], "optgen.runtime.cpu.blocks"),
        "Formats": "optgen.runtime.cpu.storage",
        **dict.fromkeys(["fold_columns", "fold_numbers", "fold_rows"], "optgen.runtime.cpu.folds"),
        "inf": "math",
        **dict.fromkeys(DRAWS, "optgen.runtime.cpu.randomness"),
    }

    def __init__(self, plan: Plan, naming: Naming) -> None:
        super().__init__(plan, naming)
        self.host = Printer(names=naming.renamed)
        self.element = Printer("real", naming.renamed, draws="real, tensor, position")

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
                    "totals": self.block([self.of_sums(read, sums) for read in totals]),
                    "reads": self.block([self.of_sums(read, sums) for read in others]),
                    "body": self.block([one for g in function.groups for one in self.group(g)]),
                    "first": "" if isinstance(function, SharedScalars) else "loop: Loop",
                }
            case HostScalars():
                return {"body": self.block([self.scalar(one) for one in function.statements])}
        raise TypeError(function)

    def uses(self, function: Function) -> Iterator[str]:
        """The names that a function needs imported."""
        yield from called_by(expressions_of(function), self.host, self.support)
        if isinstance(function, Pass):
            yield from (*_KERNEL, *_LOOP, *drawn_by(function))
            if any(one.table is Table.NUMBERS for one in function.reads):
                yield from ("float64", "number_at")
            yield from self._used_by_reductions(function)
            if isinstance(function, Sums) and any(one.is_rough for one in function.reductions):
                yield "long_block"
            yield from ["encode"] if self._encoded(function.body) else []
            yield from ["as_stored"] if is_observed(function) else []
        match function:
            case Axes():
                yield from ("float64", "int64", "strips", "view")
                if any(isinstance(one, Store) for one in function.body):
                    yield "store"
            case Elements() | Sums():
                yield from ("AHEAD", "BLOCK")
            case TensorScalars():
                yield from (*_KERNEL, "Loop", *self._used_by_scalars(function))
            case FeatureScalars():
                yield from ("Array", "function")
            case HostScalars():
                yield from _KERNEL

    def _used_by_reductions(self, function: Pass) -> Iterator[str]:
        for one in (one for one in function.reductions if one.guard.cases):
            yield "float64"
            if isinstance(function, Axes) or one.combination is not Combination.SUM:
                yield f"fold_{_PLACES[one.extent]}"
        yield from self._used_by_results(function)

    def _used_by_scalars(self, function: TensorScalars) -> Iterator[str]:
        tables = {read.table for read in function.reads}
        yield from self._used_by_results(function)
        if Table.TOTALS in tables:
            yield "sum_in_order"
        if Table.NUMBERS in tables:
            yield from ("float64", "number_at")
        if Table.SIZES in tables:
            yield "float64"
        if any(group.extent in VECTORS for group in function.groups):
            yield from ("float64", "int64", "view")

    @staticmethod
    def _used_by_results(function: Function) -> Iterator[str]:
        results = [one for one in function.body if isinstance(one, Reduction)]
        if isinstance(function, Pass):
            results = [one for one in function.reductions if one.guard.cases]
        for one in results:
            yield COMBINED[one.combination]
            if one.combination is not Combination.SUM:
                yield "inf"

    def _element_loop(self, function: Pass) -> dict[str, object]:
        return {
            "reads": self.statements(function.reads),
            **self._with_parts(function, self.storage(function.body)),
            "body": self.statements(function.body),
            "draws": bool(drawn_by(function)),
        }

    def _with_parts(self, function: Pass, storage: dict[str, object]) -> dict[str, object]:
        """The lines around a loop over a block, with those of rough reductions."""
        rough = [one for one in function.reductions if one.is_rough and one.guard.cases]
        starts, ends = [], []
        for one in rough:
            name, combined = self.name(one.target), COMBINED[one.combination]
            starts.append(Line(f"{name}_rough = real({start_of(one)})", one.guard))
            ends.append(Line(f"{name} = {combined}({name}, float64({name}_rough))", one.guard))
        return {
            "rough": self._spelled(_any_of(rough)) if rough else "",
            "length": "length" if rough else "BLOCK",
            "blocks": f"{storage['blocks']}\n{self.block(starts)}".strip("\n"),
            "encoded": f"{self.block(ends)}\n{storage['encoded']}".strip("\n"),
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
                if name in RANDOM:
                    # Whole numbers, which a float32 may not hold.
                    value = source
                return Line(f"{self.name(name)} = {value}", guard)
            case Assignment():
                text = f"{self.name(statement.target)} = "
                value = printed(statement.expression, self.element)
                if statement.target == NEW_PARAM:
                    value = f"as_stored({PARAM}_block, {self.index}, {self.place}, {value})"
                return Line(text + value, statement.guard, statement.block)
            case Reduction():
                return self._added(statement)
        raise TypeError(statement)

    def _added(self, reduction: Reduction) -> Line:
        target = self.name(reduction.target)
        if reduction.is_rough:
            combined, term = COMBINED[reduction.combination], self.term(reduction, self.element)
            text = f"{target}_rough = {combined}({target}_rough, {term})"
            return Line(text, reduction.guard, reduction.block)
        summand = self.term(reduction, self.element, "float64")
        text = f"{target} = {COMBINED[reduction.combination]}({target}, {summand})"
        return Line(text, reduction.guard, reduction.block)

    def storage(self, body: Sequence[Statement]) -> dict[str, object]:
        """The stretches of buffers that a loop goes through, and what becomes of them."""
        column = self.naming.column
        stretches = [
            Line(
                f"{buffer}_block = block(addresses, tensor, {column(buffer)}, here, formats)",
                guard,
            )
            for buffer, guard in self.moved(body).items()
        ]
        encoded = [Line(f"encode({name}_block)", guard) for name, guard in self._encoded(body)]
        return {
            "blocks": self.block(stretches),
            "encoded": self.block(encoded),
        }

    def _encoded(self, body: Sequence[Statement]) -> list[tuple[str, Condition]]:
        """The stored states, whose elements may be encoded together when all are computed."""
        # What is loaded only, for a variable of some kind, would lose digits each time.
        stored = self.moved([one for one in body if isinstance(one, Store)])
        left = {PARAM, *(one.name for one in self.plan.matrices)}
        return [(name, guard) for name, guard in stored.items() if name not in left]

    def moved(self, body: Sequence[Statement]) -> dict[str, Condition]:
        """The buffers that a loop goes through, each with the condition of its use."""
        guards: dict[str, Condition] = {}
        for one in body:
            if isinstance(one, Load | Store):
                guards[one.buffer] = guards.get(one.buffer, NEVER) | one.guard
            elif isinstance(one, Assignment) and one.target == NEW_PARAM:
                guards[PARAM] = guards.get(PARAM, NEVER) | one.guard
        return {name: guards[name] for name in self.naming.columns.buffers if name in guards}


def _any_of(reductions: Sequence[Reduction]) -> Condition:
    """Where any of some reductions runs."""
    found = NEVER
    for one in reductions:
        found |= one.guard
    return found
