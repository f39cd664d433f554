"""Statements of Keras operations: over whole tensors and scalars, which have names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

from optgen.compiler.emit.code import (
    Elements,
    Function,
    HostScalars,
    Load,
    Read,
    Statement,
    Store,
    Sums,
    Table,
    TensorScalars,
    Write,
)
from optgen.compiler.emit.layout import Line
from optgen.compiler.emit.meaning import printed
from optgen.compiler.emit.printer import Printer
from optgen.compiler.emit.target import Naming, StatementPrinter
from optgen.compiler.ir.condition import ALWAYS
from optgen.compiler.ir.expression import names
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.functions import FUNCTIONS, REGISTRY
from optgen.compiler.ir.plan import Assignment, Plan, Reduction
from optgen.compiler.ir.rule import COUNTERS

#: The functions of the language, and the operators that Python can't apply to tensors.
OPERATIONS: Mapping[str, str] = {
    **{name: f"ops.{REGISTRY[name].array}" for name in FUNCTIONS},
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
_DICT = "{}: dict[str, Any]".format
_ELEMENTS = ", ".join([*map(_DICT, ["tensors", "scalars"]), "ops: Any"])
_SUMS = ", ".join([*map(_DICT, ["tensors", "scalars", "sums", "totals"]), "ops: Any"])
_SCALARS = ", ".join([*map(_DICT, ["scalars", "sums", "totals"]), "ops: Any"])
_HOST = ", ".join([_DICT("scalars"), "ops: Any"])


class KerasPrinter(StatementPrinter):
    """Prints statements over dictionaries, which hold tensors and scalars by name."""

    support: ClassVar = {"Any": "typing"}

    def __init__(self, plan: Plan, naming: Naming) -> None:
        super().__init__(plan, naming)
        # Host values are Python floats or tensors; all others are tensors.
        self.host = Printer(names=naming.renamed, functions=HOST_OPERATIONS)
        self.element = Printer(REAL, naming.renamed, OPERATIONS)

    def context(self, function: Function) -> dict[str, object]:
        """What the template of a function has holes for."""
        arithmetic = self._reading(function)
        # Counters are among the scalars already.
        written = [one for one in function.body if not _is_counter(one)]
        lines = [self._line(one, arithmetic) for one in written]
        if isinstance(function, HostScalars | TensorScalars):
            lines = [replace(line, section="") for line in lines]
        match function:
            case Elements():
                first = _ELEMENTS
            case Sums():
                first = _SUMS
            case TensorScalars():
                first = _SCALARS
            case _:
                first = _HOST
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
        names = dict(plain.names)
        for read in (*function.reads, *_counters(function)):
            held = read.table if read.table in (Table.SUMS, Table.TOTALS) else Table.SCALARS
            names[read.name] = f'{held.value}["{read.name}"]'
        return replace(plain, names=names)

    def _line(self, statement: Statement, arithmetic: Printer) -> Line:
        match statement:
            case Load(buffer, guard):
                return Line(f'{self.name(buffer)} = tensors["{buffer}"]', guard, "load")
            case Store(buffer, guard):
                return Line(f'tensors["{buffer}"] = {self.name(buffer)}', guard, "store")
            case Write(name, _, guard):
                return Line(f'scalars["{name}"] = {arithmetic.name(name)}', guard)
            case Assignment():
                text = f"{self.name(statement.target)} = "
                text += printed(statement.expression, arithmetic)
                return Line(text, statement.guard, statement.block)
            case Reduction():
                held = Table.TOTALS if statement.extent is Extent.OPTIMIZER else Table.SUMS
                term = printed(statement.term, arithmetic)
                text = f'{held.value}["{statement.target}"] = {term}'
                return Line(text, statement.guard, statement.block)
        raise TypeError(statement)


def _is_counter(statement: Statement) -> bool:
    return isinstance(statement, Write) and statement.name in COUNTERS


def _counters(function: Function) -> Iterator[Read]:
    """The counters that scalars of a call are computed from, which stand among them."""
    if isinstance(function, HostScalars):
        items = [one for one in function.body if isinstance(one, Assignment)]
        used = {name for item in items for name in names(item.expression)}
        yield from (Read(name, Table.SCALARS, ALWAYS) for name in COUNTERS if name in used)
