"""Statements of Keras operations on whole tensors and scalars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeGuard

from optgen.compiler.emit.code import (
    Fetch,
    Function,
    HostScalars,
    Load,
    Pass,
    Put,
    Read,
    Statement,
    Store,
    Table,
    TensorScalars,
    Write,
    expression_in,
)
from optgen.compiler.emit.layout import Line
from optgen.compiler.emit.meaning import printed
from optgen.compiler.emit.printer import Printer
from optgen.compiler.emit.target import Naming, StatementPrinter
from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.expression import names
from optgen.compiler.ir.extent import VECTORS, Extent
from optgen.compiler.ir.functions import FUNCTIONS, REGISTRY
from optgen.compiler.ir.plan import Assignment, Item, Plan, Reduction
from optgen.compiler.ir.randomness import DRAWS
from optgen.compiler.ir.reduction import Combination
from optgen.compiler.ir.reserved import MATRIX
from optgen.compiler.ir.rule import COUNTERS, NEW_PARAM

#: The functions of the language, and the operators that Python can't apply to tensors.
OPERATIONS: Mapping[str, str] = {
    **{name: f"ops.{REGISTRY[name].array}" for name in FUNCTIONS},
    **{name: f"ops.{name}" for name in DRAWS},
    "square": "ops.square",
    "and": "ops.logical_and",
    "or": "ops.logical_or",
    "not": "ops.logical_not",
}
#: Host values may be Python floats, whose operators raise where IEEE 754 has infinity or NaN.
HOST_OPERATIONS: Mapping[str, str] = {
    **OPERATIONS,
    "/": "ops.divide",
    "%": "ops.mod",
    "**": "ops.power",
}
#: Wraps literals: everything that meets a tensor is a tensor of the same dtype.
REAL = "ops.real"
#: A tensor as the variable holds it.
AS_STORED = "ops.as_stored"
#: The reductions of the values of one variable.
REDUCTIONS = {one: f"ops.{one.value}_of" for one in Combination}
_DICT = "{}: dict[str, Any]".format
_ELEMENTS = ", ".join([*map(_DICT, ["tensors", "scalars"]), "ops: Any"])
_SUMS = ", ".join([*map(_DICT, ["tensors", "scalars", "sums", "totals"]), "ops: Any"])
_SCALARS = ", ".join([_DICT("scalars"), "ops: Any"])


class KerasPrinter(StatementPrinter):
    """Prints statements over dictionaries, which hold tensors and scalars by name.

    Vectors are among the scalars: they broadcast against the tensors of matrices.
    """

    support: ClassVar = {"Any": "typing"}

    def __init__(self, plan: Plan, naming: Naming) -> None:
        super().__init__(plan, naming)
        # Host values are Python floats or tensors; all others are tensors.
        self.host = Printer(names=naming.renamed, functions=HOST_OPERATIONS)
        self.element = Printer(REAL, naming.renamed, OPERATIONS)

    def context(self, function: Function) -> dict[str, Any]:
        """What the template of a function has holes for."""
        arithmetic = self._reading(function)
        line, first = self._scalar, _SCALARS
        if isinstance(function, Pass):
            line, first = self._line, _SUMS if function.reductions else _ELEMENTS
        # Counters are among the scalars already, and vectors are read and written in place.
        written = [one for one in function.body if not (_is_counter(one) or _is_access(one))]
        lines = [line(one, arithmetic) for one in written]
        return {"first": first, "body": self.block(lines)}

    def uses(self, function: Function) -> Iterator[str]:
        """The names that a function needs imported."""
        yield "Any"

    def line(self, statement: Statement) -> Line:
        """One statement over tensors."""
        return self._line(statement, self.element)

    def _reading(self, function: Function) -> Printer:
        """What prints the arithmetic of a function: scalars are read where they are used."""
        plain = self.host if isinstance(function, HostScalars) else self.element
        read = [one.name for one in (*function.reads, *_counters(function))]
        read += [one.vector for one in function.body if isinstance(one, Fetch)]
        if isinstance(function, TensorScalars):
            read += [one.target for one in function.body if _is_vector(one)]
        return replace(plain, names={**plain.names, **{one: _held(one) for one in read}})

    def _line(self, statement: Statement, arithmetic: Printer) -> Line:
        """One line of a pass."""
        match statement:
            case Load(buffer, guard):
                return Line(f'{self.name(buffer)} = tensors["{buffer}"]', guard, "load")
            case Store(buffer, guard):
                return Line(f'tensors["{buffer}"] = {self.name(buffer)}', guard, "store")
            case Assignment():
                value = printed(statement.expression, arithmetic)
                if statement.target == NEW_PARAM:
                    value = f"{AS_STORED}({value})"
                text = f"{self.name(statement.target)} = {value}"
                return Line(text, statement.guard, statement.block)
            case Reduction(target, _, guard, block):
                held = Table.TOTALS if statement.extent is Extent.OPTIMIZER else Table.SUMS
                text = f'{held.value}["{target}"] = {self._reduced(statement, arithmetic)}'
                return Line(text, guard, block)
        raise TypeError(statement)

    def _scalar(self, statement: Statement, arithmetic: Printer) -> Line:
        """One line of arithmetic on numbers and vectors."""
        match statement:
            case Write(name, _, guard, expression):
                value = printed(expression, arithmetic) if expression else arithmetic.name(name)
                return Line(f"{_held(name)} = {value}", guard)
            case Assignment(target, expression, guard):
                value = printed(expression, arithmetic)
            case Reduction(target, _, guard):
                value = self._reduced(statement, arithmetic)
            case _:
                raise TypeError(statement)
        if _is_vector(statement):
            return Line(f"{_held(target)} = {value}", guard & Condition.of(MATRIX))
        if isinstance(statement, Reduction):
            guard &= Condition.of(MATRIX)
        return Line(f"{self.name(target)} = {value}", guard)

    @staticmethod
    def _reduced(reduction: Reduction, arithmetic: Printer) -> str:
        """The result of a reduction of the values of one variable."""
        arguments = [printed(reduction.term, arithmetic)]
        # The numbers of variables are reduced to that of the optimizer later.
        target = Extent.TENSOR if reduction.extent is Extent.OPTIMIZER else reduction.extent
        if (reduction.source, target) != (Extent.ELEMENT, Extent.TENSOR):
            arguments += [f'"{one.name.lower()}"' for one in (reduction.source, target)]
        return f"{REDUCTIONS[reduction.combination]}({', '.join(arguments)})"


def _held(name: str) -> str:
    return f'{Table.SCALARS.value}["{name}"]'


def _is_counter(statement: Statement) -> bool:
    return isinstance(statement, Write) and statement.name in COUNTERS


def _is_access(statement: Statement) -> bool:
    return isinstance(statement, Fetch | Put)


def _is_vector(statement: Statement) -> TypeGuard[Item]:
    return isinstance(statement, Item) and statement.extent in VECTORS


def _counters(function: Function) -> Iterator[Read]:
    """The counters that scalars of a call are computed from, which stand among them."""
    if isinstance(function, HostScalars):
        computed = (expression_in(one) for one in function.body)
        used = {name for one in computed if one is not None for name in names(one)}
        yield from (Read(name, Table.SCALARS, ALWAYS) for name in COUNTERS if name in used)
