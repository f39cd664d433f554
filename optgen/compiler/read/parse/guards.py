"""Static conditions: the tests of ``if`` and ``when`` as Boolean functions of atoms."""

from __future__ import annotations

from collections.abc import Collection

from optgen.compiler.ir.condition import ALWAYS, Condition
from optgen.compiler.ir.expression import (
    ARITHMETIC,
    COMPARISONS,
    GIVEN,
    NEGATIONS,
    Expression,
    Name,
    Number,
    Operation,
    names,
    text,
    walk,
)
from optgen.compiler.ir.problem import Problems, nearest
from optgen.compiler.ir.reserved import MATRIX, PERTURBED
from optgen.compiler.ir.rule import COUNTERS, Hyperparameter

#: Each atom becomes a constant of every kernel.
MOST_ATOMS = 32

_NO_VIEW = "no view says which variables are matrices"
_ADD_VIEW = 'add [matrix] view = "last two", or another view'
_NO_PERTURB = "nothing moves the parameter before its gradient is taken"
_ADD_PERTURB = "add [perturb] with a rule"
_BY_CALL = "each call decides this anew"
_NOT_BY_CALL = "a state, or a feature, is there for all calls; put the condition into an if"
_HINT = "if and when are about hyperparameters; a choice per element or per call is where(…, a, b)"


class Guards:
    """Parses conditions over the hyperparameters and records each atom found."""

    def __init__(
        self,
        known: dict[str, Hyperparameter],
        problems: Problems,
        *,
        has_view: bool = False,
        optional: Collection[str] = (),
    ) -> None:
        """``optional`` are the inputs that a call may leave out."""
        self._known, self._problems, self._has_view = known, problems, has_view
        self._inputs = optional
        #: Whether the spec moves the parameter before a gradient is taken.
        self.has_perturb = False
        self.atoms: dict[str, Expression] = {}

    def read(
        self, expression: Expression, around: Condition = ALWAYS, *, of_calls: bool = True
    ) -> Condition | None:
        """The condition of an expression; None, with a problem, if elements decide it.

        ``around`` is the condition that already holds at this point. ``of_calls`` allows
        conditions that each call decides.
        """
        self._of_calls = of_calls
        if isinstance(expression, Operation) and expression.operator in ("and", "or"):
            left = self.read(expression.operands[0], around, of_calls=of_calls)
            if left is None:
                return None
            both = expression.operator == "and"
            around &= left if both else ~left
            right = self.read(expression.operands[1], around, of_calls=of_calls)
            if right is None:
                return None
            return left & right if both else left | right
        if isinstance(expression, Operation) and expression.operator == "not":
            inner = self.read(expression.operands[0], around, of_calls=of_calls)
            return None if inner is None else ~inner
        return self._atom(expression) if self._is_atom(expression, around) else None

    def note(self, expression: Expression) -> None:
        """Record the static conditions that an expression of a rule uses."""
        for part in walk(expression):
            if isinstance(part, Operation) and part.operator == GIVEN:
                self.read(part)
            elif isinstance(part, Name):
                found = self._known.get(part.id)
                if found is not None and found.is_switch:
                    self.read(part)

    def _atom(self, expression: Expression) -> Condition:
        atom = text(expression)
        if isinstance(expression, Operation) and expression.operator in NEGATIONS:
            negated = Operation(NEGATIONS[expression.operator], expression.operands)
            if text(negated) in self.atoms:
                return Condition.of(text(negated), False)
        if atom not in self.atoms and len(self.atoms) == MOST_ATOMS:
            message = f"there are more than {MOST_ATOMS} different conditions"
            self._problems.add(message, expression.location)
        self.atoms.setdefault(atom, expression)
        return Condition.of(atom)

    def _is_atom(self, expression: Expression, around: Condition) -> bool:
        if isinstance(expression, Number):
            return self._refuse(expression, "a number is not a condition", _HINT)
        if isinstance(expression, Name):
            return self._is_switch(expression)
        if expression.operator == GIVEN:
            return self._asks_for_an_optional(expression)
        if expression.operator not in COMPARISONS:
            return self._refuse(expression, "this is not a condition", _HINT)
        return all(self._is_static(operand, around) for operand in expression.operands)

    def _is_switch(self, name: Name) -> bool:
        if name.id == PERTURBED and PERTURBED not in self._known:
            if not self.has_perturb:
                return self._refuse(name, _NO_PERTURB, _ADD_PERTURB)
            return self._of_calls or self._refuse(name, _BY_CALL, _NOT_BY_CALL)
        if name.id == MATRIX and MATRIX not in self._known:
            return self._has_view or self._refuse(name, _NO_VIEW, _ADD_VIEW)
        found = self._known.get(name.id)
        if found is not None and not found.is_switch:
            hint = f"write {found.name} > 0"
            if found.optional:
                hint = f"write given({found.name})"
            return self._refuse(name, f"{found.name} is a number, not a condition", hint)
        if found is None:
            message = f"{name.id!r} is not a static condition"
            return self._refuse(name, message, nearest(name.id, self._known) or _HINT)
        return True

    def _is_static(self, expression: Expression, around: Condition) -> bool:
        """Whether an operand of a comparison is a number that is known before the run."""
        if isinstance(expression, Number):
            return True
        if isinstance(expression, Name):
            return self._is_known(expression, around)
        if expression.operator not in ARITHMETIC | {"neg"}:
            message = f"{expression.operator} has no place in a static condition"
            return self._refuse(expression, message, _HINT)
        if not _is_total(expression) and not ({*COUNTERS} & {*names(expression)}):
            message = f"the right side of {expression.operator} must be a whole number here"
            return self._refuse(expression.operands[1], message, "multiply both sides instead")
        return all(self._is_static(operand, around) for operand in expression.operands)

    def _is_known(self, name: Name, around: Condition) -> bool:
        found = self._known.get(name.id)
        if name.id in COUNTERS:
            return self._of_calls or self._refuse(name, _BY_CALL, _NOT_BY_CALL)
        if found is None:
            hint = nearest(name.id, self._known) or _HINT
            return self._refuse(name, f"{name.id!r} is not known before the run", hint)
        if found.is_switch:
            message = f"{name.id!r} is a switch, which is true or false and no number"
            return self._refuse(name, message, f"write {name.id} alone, or not {name.id}")
        if found.is_list:
            return self._refuse(name, f"{name.id!r} is a list and no number", _HINT)
        if found.optional and not around.implies(Condition.of(f"{GIVEN}({name.id})")):
            message = f"{name.id!r} is optional and may be None here"
            return self._refuse(name, message, f"write given({name.id}) and … before it")
        return True

    def _asks_for_an_optional(self, expression: Operation) -> bool:
        operand = expression.operands[0]
        if isinstance(operand, Name) and operand.id in self._inputs:
            return self._of_calls or self._refuse(operand, _BY_CALL, _NOT_BY_CALL)
        if isinstance(operand, Name) and operand.id not in self._known:
            hint = nearest(operand.id, self._known) or "declare it with optional = true"
            return self._refuse(operand, f"{operand.id!r} is not a hyperparameter", hint)
        found = self._known.get(operand.id) if isinstance(operand, Name) else None
        if found is None or not found.optional:
            return self._refuse(
                expression,
                "given(…) asks for an optional hyperparameter",
                "declare optional = true",
            )
        return True

    def _refuse(self, expression: Expression, message: str, hint: str) -> bool:
        self._problems.add(message, expression.location, hint)
        return False


def _is_total(expression: Operation) -> bool:
    """Whether an operation is defined for all numbers, as it is evaluated when they are set."""
    if expression.operator not in ("/", "%", "**"):
        return True
    right = expression.operands[1]
    return isinstance(right, Number) and right.value == int(right.value) and right.value > 0
