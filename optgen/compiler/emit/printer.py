"""Expressions as Python text, for host code and for element loops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optgen.compiler.ir.expression import (
    COMPARISONS,
    LOGICAL,
    Expression,
    Name,
    Number,
    Operation,
    infix,
)
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.randomness import DRAWS

#: Functions of the language, as generated code calls them.
FUNCTIONS: Mapping[str, str] = {
    **{function.name: function.kernel for function in REGISTRY.values() if function.in_kernels},
    "square": "square",
}
#: Bit operators choose without a branch, so that loops stay vectorised.
_BITWISE = {"and": "&", "or": "|"}
_TIGHT = frozenset({"**"})


@dataclass(frozen=True)
class Printer:
    """Prints expressions; ``real`` is wrapped around literals so that they don't widen float32.

    ``names`` replaces names of the spec that generated code needs for itself; ``functions`` are
    what the functions, and operators that Python writes as calls, are called. ``plain`` numbers
    are printed as they are: Python computes with them.
    """

    real: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    functions: Mapping[str, str] = field(default_factory=lambda: FUNCTIONS)
    plain: bool = False
    #: What random functions take before their own arguments.
    draws: str = ""

    def name(self, name: str) -> str:
        """A name of the plan as an identifier of the generated code."""
        return self.names.get(name, name)

    def __call__(self, expression: Expression) -> str:
        """The expression as Python text."""
        match expression:
            case Number(value):
                return f"{self.real}({value!r})" if self.real else repr(self.number(value))
            case Name(name):
                return self.name(name)
        operator, operands = expression.operator, expression.operands
        if operator in DRAWS:
            *key, number = operands
            before = [self.draws] if self.draws else []
            given = [*before, *map(self, key), str(self._of_draw(number))]
            return f"{self.functions.get(operator, operator)}({', '.join(given)})"
        if operator in self.functions:
            arguments = ", ".join(self(operand) for operand in operands)
            return f"{self.functions[operator]}({arguments})"
        if operator == "where":
            condition, yes, no = map(self._operand_of_choice, operands)
            return f"{yes} if {condition} else {no}"
        if operator in _BITWISE:
            return f" {_BITWISE[operator]} ".join(map(self._bracketed, operands))
        simple = all(isinstance(operand, (Name, Number)) for operand in operands)
        tight = _TIGHT if simple and not self.real else frozenset()
        return infix(operator, operands, self._inside, tight=tight)

    @staticmethod
    def _of_draw(number: Expression) -> int:
        assert isinstance(number, Number)
        return int(number.value)

    def number(self, value: int | float) -> int | float:
        """A literal as it is printed, without what is wrapped around it."""
        # float(): hosts compute in float64, and an integer power would stay an integer.
        return value if self.real or self.plain else float(value)

    def _inside(self, expression: Expression) -> str:
        """An operand; a choice or a bit operation has brackets there."""
        choices = {"where", *_BITWISE} - set(self.functions)
        if isinstance(expression, Operation) and expression.operator in choices:
            return f"({self(expression)})"
        return self(expression)

    def _operand_of_choice(self, expression: Expression) -> str:
        if isinstance(expression, Operation) and expression.operator == "where":
            return f"({self(expression)})"
        return self(expression)

    def _bracketed(self, expression: Expression) -> str:
        if isinstance(expression, Operation) and expression.operator in (
            COMPARISONS | LOGICAL | {"where"}
        ):
            return f"({self(expression)})"
        return self(expression)
