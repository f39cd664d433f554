"""The interface of a target: one object in its own folder.

A target defines how statements are printed, its reserved names, and its imports. Review, reserved
words and packaging derive from the list of targets.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from optgen.compiler.emit.code import Function, Statement, expression_in
from optgen.compiler.emit.columns import Columns
from optgen.compiler.emit.layout import Line, lay_out, spell
from optgen.compiler.emit.printer import Printer
from optgen.compiler.emit.templates import Templates
from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import Expression, Operation, walk
from optgen.compiler.ir.function import Origin
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.plan import Assignment, Plan
from optgen.compiler.ir.randomness import DRAWS
from optgen.compiler.ir.rule import NEW_PARAM


@dataclass(frozen=True)
class Naming:
    """The spelling of a plan's names in a file: constants of columns, renamed clashes."""

    columns: Columns
    renamed: Mapping[str, str]
    #: Names whose constants are in the module of features.
    shared: Collection[str]

    def column(self, name: str) -> str:
        """The constant that holds the column of a name."""
        return self.columns.constants[name]

    @property
    def imported(self) -> frozenset[str]:
        """The constants that are in the module of features."""
        return frozenset(self.columns.constants[name] for name in self.shared)


class Target(ABC):
    """A target; its templates are in the folder of ``templates`` of the same name."""

    name: ClassVar[str]
    #: The title in docstrings.
    title: ClassVar[str]
    #: Reserved names, and suffixes of derived ones.
    words: ClassVar[frozenset[str]]
    endings: ClassVar[tuple[str, ...]] = ()
    #: Attribute accesses that its code may contain.
    attributes: ClassVar[frozenset[str]] = frozenset()
    #: Names that may stand behind the dot of any value.
    members: ClassVar[frozenset[str]] = frozenset()
    #: Packages that its code imports.
    packages: ClassVar[frozenset[str]] = frozenset()
    #: Calls with side effects.
    effects: ClassVar[frozenset[str]] = frozenset()
    #: Whether scalars and buffers are addressed by column.
    has_columns: ClassVar[bool] = True
    #: Whether the kernel of sums also computes the tensor scalars.
    finishes: ClassVar[bool] = False
    #: Whether the module of an optimizer has all that its features make, too.
    is_whole: ClassVar[bool] = False
    #: Whether packages hold its modules.
    is_packaged: ClassVar[bool] = True

    def supports(self, plan: Plan) -> bool:
        """Whether the target has all that a plan needs."""
        return True

    @abstractmethod
    def printer(self, plan: Plan, naming: Naming) -> StatementPrinter:
        """The printer of a plan's statements."""


class StatementPrinter(ABC):
    """Prints functions for one target: each statement is a line."""

    #: The functions of the runtime that printed lines may call, each with its module.
    support: ClassVar[Mapping[str, str]]
    host: Printer
    element: Printer

    def __init__(self, plan: Plan, naming: Naming) -> None:
        self.plan, self.naming = plan, naming

    @abstractmethod
    def context(self, function: Function) -> dict[str, Any]:
        """The context of a function's template, besides its name and switches."""

    @abstractmethod
    def uses(self, function: Function) -> Iterator[str]:
        """The names that a function needs imported."""

    def functions(self, own: Sequence[Function]) -> Sequence[Function]:
        """The functions of a module, given those of a plan that are not shared."""
        return own

    def called(self, templates: Templates) -> Iterable[str]:
        """The texts of further functions that a module needs."""
        return ()

    def needs(self, code: str) -> Iterable[str]:
        """The names that the code of a whole module needs imported."""
        return ()

    def name(self, name: str) -> str:
        """A name of the plan as an identifier."""
        return self.naming.renamed.get(name, name)

    def block(self, lines: Sequence[Line]) -> str:
        """Lines as text."""
        return lay_out(lines, spelling=self._spelled, joined=True)

    def _spelled(self, condition: Condition) -> str:
        """A guard over switches, with renamed clashes."""
        cases = tuple(tuple((self.name(a), holds) for a, holds in c) for c in condition.cases)
        return spell(Condition(cases))

    def statements(self, statements: Sequence[Statement]) -> str:
        """Statements as text."""
        return self.block([self.line(one) for one in statements])

    @abstractmethod
    def line(self, statement: Statement) -> Line:
        """One statement."""


def drawn_by(function: Function) -> set[str]:
    """The random functions that a function calls."""
    parts = (part for expression in expressions_of(function) for part in walk(expression))
    return {one.operator for one in parts if isinstance(one, Operation)} & {*DRAWS}


def is_observed(function: Function) -> bool:
    """Whether a function computes the parameter as it is stored."""
    return any(isinstance(one, Assignment) and one.target == NEW_PARAM for one in function.body)


def functions_from(code: str, modules: Mapping[Origin, str]) -> dict[str, str]:
    """The functions of the language, each with the module that a target's code has it from."""
    found = {f.kernel: modules.get(getattr(f.code, code)) for f in REGISTRY.values()}
    common = {"square": modules[Origin.COMMON]} if Origin.COMMON in modules else {}
    return {name: module for name, module in found.items() if module} | common


#: Names of the language's functions in kernels.
FUNCTION_NAMES = frozenset(f.kernel for f in REGISTRY.values() if f.in_kernels)


def expressions_of(function: Function) -> Iterator[Expression]:
    """The expressions of a function."""
    found = (expression_in(one) for one in function.statements)
    return (one for one in found if one is not None)


def called_by(
    expressions: Iterable[Expression], printer: Printer, support: Mapping[str, str]
) -> Iterator[str]:
    """The functions of the runtime that expressions call."""
    for expression in expressions:
        for part in walk(expression):
            if isinstance(part, Operation):
                called = printer.functions.get(part.operator, "")
                yield from [called] if called in support else []
