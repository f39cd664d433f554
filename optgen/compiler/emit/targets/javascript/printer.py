"""Functions of scripts: loops over the elements of typed arrays, and arithmetic on numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from optgen.compiler.emit.code import (
    Axes,
    Fetch,
    Function,
    Group,
    HostScalars,
    Load,
    Pass,
    Put,
    SharedScalars,
    Statement,
    Store,
    TensorScalars,
    Write,
    expression_in,
)
from optgen.compiler.emit.layout import Line
from optgen.compiler.emit.target import Naming, StatementPrinter, drawn_by
from optgen.compiler.emit.targets.javascript.braces import block, declared, guarded, taken
from optgen.compiler.emit.targets.javascript.expressions import arithmetic, script_of
from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.expression import names
from optgen.compiler.ir.extent import VECTORS, Extent
from optgen.compiler.ir.plan import Assignment, Plan, Reduction
from optgen.compiler.ir.reduction import Combination
from optgen.compiler.ir.reserved import COLUMNS, MATRIX, ROWS
from optgen.compiler.ir.rule import COUNTERS

#: How a partial result and a term become one, and what a reduction of nothing is.
_COMBINED = {
    Combination.SUM: "{0} + ({1})",
    Combination.LARGEST: "math.max({0}, {1})",
    Combination.SMALLEST: "math.min({0}, {1})",
}
_START = {Combination.SUM: "0", Combination.LARGEST: "-Infinity", Combination.SMALLEST: "Infinity"}
#: The index of a vector's element in a loop over elements.
_PLACES = {
    Extent.ROWS: "row_place",
    Extent.COLUMNS: "column_place",
    Extent.MATRIX: "matrix_place",
}


class ScriptPrinter(StatementPrinter):
    """Prints functions of a variable, whose arrays and scalars are found by name."""

    support: ClassVar = {}

    def __init__(self, plan: Plan, naming: Naming) -> None:
        super().__init__(plan, naming)
        self.element = self.host = arithmetic(naming.renamed)

    def context(self, function: Function) -> dict[str, Any]:
        """The rows of a function."""
        return {"rows": [*self.rows(function)]}

    def uses(self, function: Function) -> Iterator[str]:
        """Scripts import nothing."""
        return iter(())

    def rows(self, function: Function) -> Iterator[str]:
        """The lines of a function."""
        match function:
            case Pass():
                first, body = "variable", self._pass(function)
            case SharedScalars() | HostScalars():
                first, body = "scalars", self._numbers(function)
            case _:
                first, body = "variable", self._numbers(function)
        yield from block(f"{function.name}({first}, on)", [*self._given(function), *body], "},")

    def _given(self, function: Function) -> Iterator[str]:
        """The declarations of what a function reads."""
        if not isinstance(function, HostScalars | SharedScalars):
            arrays = ["arrays"] if any(map(_is_access, _every(function))) else []
            yield from taken([*arrays, "scalars"], "variable", {}, "const")
        loops = isinstance(function, TensorScalars) and function.has_vectors
        switches = dict.fromkeys([*function.switches, *([MATRIX] if loops else [])])
        yield from taken([*switches], "on", self.naming.renamed, "const")
        read = dict.fromkeys(one.name for one in function.reads)
        if isinstance(function, HostScalars):
            used = {name for one in function.body for name in _names(one)}
            read |= dict.fromkeys(name for name in COUNTERS if name in used)
        assigned = {one.target for one in function.body if isinstance(one, Assignment)}
        for word, some in (
            ("const", [name for name in read if name not in assigned]),
            ("let", [name for name in read if name in assigned]),
        ):
            yield from taken(some, "scalars", self.naming.renamed, word)

    def _pass(self, function: Pass) -> Iterator[str]:
        """A loop over the elements of a variable."""
        moved = dict.fromkeys(o.buffer for o in function.body if isinstance(o, Load | Store))
        yield from (f"const {name}_array = arrays.{name};" for name in moved)
        results = [one for one in function.reductions if one.guard.cases]
        vectors = [one.target for one in results if one.extent in VECTORS]
        fetched = [one.vector for one in function.body if isinstance(one, Fetch)]
        for name in dict.fromkeys([*fetched, *vectors]):
            yield f"const {name}_vector = arrays.{name};"
        for one in results:
            yield from guarded([self._start(one)], self.name)
        numbers = [self.name(one.target) for one in results if one.extent not in VECTORS]
        over = next(p for k, p in _numbered(function) if k == function.number).passing.over
        yield f'const size = variable.count("{over.name.lower()}");'
        if drawn_by(function):
            yield "const tensor = variable.number;"
        read = {one.name for one in function.reads}
        local = [name for name in _assigned(function.body) if name not in read]
        inside = [*declared([self.name(name) for name in local]), *self._places(function)]
        inside += guarded([self.line(one) for one in function.body], self.name)
        yield from block("for (let i = 0; i < size; i += 1)", inside)
        if numbers:
            listed = (_as_property(one.target, self.name(one.target)) for one in results)
            kept = [
                text for text, one in zip(listed, results, strict=True) if one.extent not in VECTORS
            ]
            yield f"return {{ {', '.join(kept)} }};"

    def _places(self, function: Pass) -> Iterator[str]:
        """The places of an element, of its row, its column and its matrix."""
        if drawn_by(function):
            yield "const position = i;"
        if not isinstance(function, Axes):
            return
        used = {one.extent for one in function.body if isinstance(one, Fetch)}
        used |= {one.extent for one in function.reductions}
        if used & {Extent.ROWS}:
            yield f"const row_place = Math.floor(i / scalars.{COLUMNS});"
        if used & {Extent.COLUMNS, Extent.MATRIX}:
            yield f"const matrix_place = Math.floor(i / (scalars.{ROWS} * scalars.{COLUMNS}));"
        if used & {Extent.COLUMNS}:
            yield f"const column_place = matrix_place * scalars.{COLUMNS} + i % scalars.{COLUMNS};"

    def _start(self, one: Reduction) -> Line:
        start = _START[one.combination]
        if one.extent in VECTORS:
            return Line(f"{one.target}_vector.fill({start});", one.guard)
        return Line(f"let {self.name(one.target)} = {start};", ALWAYS)

    def line(self, statement: Statement) -> Line:
        """One line of a loop over elements, or of arithmetic on numbers."""
        match statement:
            case Load(buffer, guard):
                return Line(f"{self.name(buffer)} = {buffer}_array[i];", guard, "load")
            case Store(buffer, guard):
                return Line(f"{buffer}_array[i] = {self.name(buffer)};", guard, "store")
            case Fetch(vector, extent, guard):
                return Line(f"{self.name(vector)} = {vector}_vector[{_PLACES[extent]}];", guard)
            case Assignment(target, expression, guard, section):
                return Line(
                    f"{self.name(target)} = {script_of(expression, self.host)};", guard, section
                )
            case Reduction(target, term, guard, section):
                held = self.name(target)
                if statement.extent in VECTORS:
                    held = f"{target}_vector[{_PLACES[statement.extent]}]"
                value = _COMBINED[statement.combination].format(held, script_of(term, self.host))
                return Line(f"{held} = {value};", guard, section)
            case Write(name, _, guard, expression):
                value = self.name(name) if expression is None else script_of(expression, self.host)
                return Line(f"scalars.{name} = {value};", guard)
        raise TypeError(statement)

    def _numbers(self, function: Function) -> Iterator[str]:
        """Arithmetic on numbers, with loops over vectors."""
        groups = [Group(Extent.TENSOR, (), function.body)]
        if isinstance(function, TensorScalars):
            groups = [*function.groups]
        read = {one.name for one in function.reads}
        outside = [g for g in groups if g.extent not in VECTORS]
        results = [o for g in groups for o in g.body if isinstance(o, Reduction)]
        totals = [one.target for one in results if one.extent not in VECTORS]
        local = [name for g in outside for name in _assigned(g.body) if name not in read]
        yield from declared([self.name(name) for name in dict.fromkeys([*local, *totals])])
        for group in groups:
            if group.extent not in VECTORS:
                yield from guarded([self.line(o) for o in (*group.reads, *group.body)], self.name)
            else:
                guard = Condition.of(MATRIX)
                yield from guarded([Line("\n".join(self._loop(group)), guard)], self.name)

    def _loop(self, group: Group) -> Iterator[str]:
        """The loop over the rows, columns or matrices of a variable."""
        known = ((MATRIX, True),)
        body = [replace(one, guard=one.guard.given(known)) for one in (*group.reads, *group.body)]
        results = [one for one in body if isinstance(one, Reduction)]
        used = [one.vector for one in body if isinstance(one, Fetch | Put)]
        used += [one.target for one in results if one.extent in VECTORS]
        yield from (f"const {name}_vector = arrays.{name};" for name in dict.fromkeys(used))
        for one in results:
            if one.extent in VECTORS:
                yield f"{one.target}_vector.fill({_START[one.combination]});"
            else:
                yield f"{self.name(one.target)} = {_START[one.combination]};"
        sides = {Extent.ROWS: ROWS, Extent.COLUMNS: COLUMNS}
        side = f"scalars.{sides[group.extent]}" if group.extent in sides else "1"
        totals = {one.target for one in results}
        local = [self.name(name) for name in _assigned(body) if name not in totals]
        inside = [*declared(local), f"const matrix_place = Math.floor(line / {side});"]
        inside += guarded([self._of_vector(one) for one in body], self.name)
        length = f'variable.count("{group.extent.name.lower()}")'
        yield f"const length = {length};"
        yield from block("for (let line = 0; line < length; line += 1)", inside)

    def _of_vector(self, statement: Statement) -> Line:
        """One line of a loop over a vector."""
        match statement:
            case Fetch(vector, extent, guard):
                place = "matrix_place" if extent is Extent.MATRIX else "line"
                return Line(f"{self.name(vector)} = {vector}_vector[{place}];", guard)
            case Put(vector, extent, guard):
                place = "matrix_place" if extent is Extent.MATRIX else "line"
                return Line(f"{vector}_vector[{place}] = {self.name(vector)};", guard)
        return self.line(statement)


def _every(function: Function) -> Iterator[Statement]:
    yield from function.statements
    yield from (one for one in getattr(function, "reductions", ()) if one.extent in VECTORS)


def _is_access(statement: Statement) -> bool:
    if isinstance(statement, Reduction):
        return statement.extent in VECTORS
    return isinstance(statement, Load | Store | Fetch | Put)


def _names(statement: Statement) -> Sequence[str]:
    computed = expression_in(statement)
    return () if computed is None else names(computed)


def _assigned(statements: Iterable[Statement]) -> list[str]:
    """The names that get a value, besides results of reductions."""
    found: dict[str, None] = {}
    for one in statements:
        match one:
            case Load(name) | Fetch(name) | Assignment(name):
                found[name] = None
    return [*found]


def _as_property(name: str, value: str) -> str:
    return name if name == value else f"{name}: {value}"


def _numbered(function: Pass) -> Iterator[tuple[int, Any]]:
    first = 0 if function.program.phases[0].elements is None else 1
    yield from enumerate(function.program.phases, first)
