"""Static conditions: the tests of ``if`` and ``when`` as Boolean functions of their parts."""

from __future__ import annotations

from optgen.compiler.nouns.condition import Condition
from optgen.compiler.nouns.expression import (
    COMPARISONS,
    GIVEN,
    Expression,
    Name,
    Number,
    Operation,
    text,
    walk,
)
from optgen.compiler.nouns.problem import Problem
from optgen.compiler.nouns.rule import Hyperparameter

_HINT = "an if decides which code exists; a choice per element or per call is where(…, a, b)"


class Guards:
    """Reads conditions over the hyperparameters and remembers each atom that it met."""

    def __init__(self, known: dict[str, Hyperparameter], problems: list[Problem]) -> None:
        self._known, self._problems = known, problems
        self.atoms: dict[str, Expression] = {}

    def read(self, expression: Expression) -> Condition | None:
        """The condition that an expression states; None, with a problem, where it isn't static."""
        if isinstance(expression, Operation) and expression.operator in ("and", "or"):
            left, right = (self.read(operand) for operand in expression.operands)
            if left is None or right is None:
                return None
            return left & right if expression.operator == "and" else left | right
        if isinstance(expression, Operation) and expression.operator == "not":
            inner = self.read(expression.operands[0])
            return None if inner is None else ~inner
        if not self._is_atom(expression):
            return None
        atom = text(expression)
        self.atoms.setdefault(atom, expression)
        return Condition.of(atom)

    def _is_atom(self, expression: Expression) -> bool:
        if isinstance(expression, Name):
            found = self._known.get(expression.id)
            if found is not None and found.is_switch:
                return True
            if found is not None:
                return self._refuse(
                    expression,
                    f"{found.name} is a number, not a condition",
                    f"write {found.name} > 0, or given({found.name}) if it is optional",
                )
            return self._refuse(expression, f"{expression.id!r} is not a static condition", _HINT)
        if isinstance(expression, Number):
            return self._refuse(expression, "a number is not a condition", _HINT)
        if expression.operator == GIVEN:
            return self._asks_for_an_optional(expression)
        if expression.operator not in COMPARISONS:
            return self._refuse(expression, "this is not a condition", _HINT)
        for part in walk(expression):
            if isinstance(part, Name):
                found = self._known.get(part.id)
                if found is None or found.is_switch:
                    return self._refuse(part, f"{part.id!r} is not known before the run", _HINT)
        return True

    def _asks_for_an_optional(self, expression: Operation) -> bool:
        operand = expression.operands[0]
        found = self._known.get(operand.id) if isinstance(operand, Name) else None
        if found is None or not found.optional:
            return self._refuse(
                expression,
                "given(…) asks for an optional hyperparameter",
                "declare optional = true",
            )
        return True

    def _refuse(self, expression: Expression, message: str, hint: str) -> bool:
        self._problems.append(Problem(message, expression.location, hint))
        return False
