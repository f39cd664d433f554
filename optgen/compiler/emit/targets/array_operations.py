"""Statements of operations on whole arrays, as libraries of arrays have them."""

from __future__ import annotations

from abc import abstractmethod
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


def operations(library: str, drawing: str) -> Mapping[str, str]:
    """The functions of the language, and the operators that Python can't apply to arrays.

    ``library`` is the name that they are attributes of, and ``drawing`` that of random functions.
    """
    return {
        **{name: f"{library}.{REGISTRY[name].array}" for name in FUNCTIONS},
        **{name: f"{drawing}.{name}" for name in DRAWS},
        "square": f"{library}.square",
        "and": f"{library}.logical_and",
        "or": f"{library}.logical_or",
        "not": f"{library}.logical_not",
    }


def host_operations(library: str, drawing: str) -> Mapping[str, str]:
    """Functions and operators of a call's numbers.

    These may be Python floats, whose operators raise where IEEE 754 has infinity or NaN.
    """
    by_name = {"/": "divide", "%": "mod", "**": "power"}
    called = {operator: f"{library}.{name}" for operator, name in by_name.items()}
    return {**operations(library, drawing), **called}


def reductions(owner: str) -> Mapping[Combination, str]:
    """The reductions of the values of one variable."""
    return {one: f"{owner}.{one.value}_of" for one in Combination}


class ArrayPrinter(StatementPrinter):
    """Prints statements over dictionaries, which hold tensors and scalars by name.

    Vectors are among the scalars: they broadcast against the tensors of matrices.
    """

    #: What the functions of arrays are called, those of a call's numbers, and reductions.
    operations: ClassVar[Mapping[str, str]]
    host_operations: ClassVar[Mapping[str, str]]
    reductions: ClassVar[Mapping[Combination, str]]
    #: Makes an array what the variable holds.
    stored: ClassVar[str]
    #: Wraps literals, where everything that meets an array must be one.
    real: ClassVar[str] = ""

    def __init__(self, plan: Plan, naming: Naming) -> None:
        super().__init__(plan, naming)
        # Host values are Python floats or tensors; all others are tensors.
        self.host = Printer(names=naming.renamed, functions=self.host_operations)
        self.element = Printer(self.real, naming.renamed, self.operations)

    @classmethod
    def attributes(cls) -> frozenset[str]:
        """The attribute accesses that printed lines may contain."""
        called = (*cls.host_operations.values(), *cls.reductions.values(), cls.real, cls.stored)
        return frozenset(called) - {""}

    @abstractmethod
    def parameters(self, function: Function) -> str:
        """The parameters of a function before its switches."""

    def context(self, function: Function) -> dict[str, Any]:
        """What the template of a function has holes for."""
        arithmetic = self._reading(function)
        line = self._line if isinstance(function, Pass) else self._scalar
        # Counters are among the scalars already, and vectors are read and written in place.
        written = [one for one in function.body if not (_is_counter(one) or _is_access(one))]
        lines = [line(one, arithmetic) for one in written]
        return {"first": self.parameters(function), "body": self.block(lines)}

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
                    value = f"{self.stored}({value})"
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

    def _reduced(self, reduction: Reduction, arithmetic: Printer) -> str:
        """The result of a reduction of the values of one variable."""
        arguments = [printed(reduction.term, arithmetic)]
        # The numbers of variables are reduced to that of the optimizer later.
        target = Extent.TENSOR if reduction.extent is Extent.OPTIMIZER else reduction.extent
        if (reduction.source, target) != (Extent.ELEMENT, Extent.TENSOR):
            arguments += [f'"{one.name.lower()}"' for one in (reduction.source, target)]
        return f"{self.reductions[reduction.combination]}({', '.join(arguments)})"


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
