"""Conditions that no setting of the hyperparameters can reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

from optgen.compiler.ir.condition import Case, Condition
from optgen.compiler.ir.expression import COMPARISONS, LOGICAL, Expression, Name, Operation
from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.rule import Branch, Hyperparameter, Rule
from optgen.compiler.ir.value import constant, evaluate

#: A name and the constants that a condition compares it with.
Landmarks = tuple[str, frozenset[Fraction]]


def check_reach(rule: Rule) -> Iterator[Problem]:
    """A problem for each condition that never holds and for each unreachable else branch."""
    reach = _Reach(rule)
    for block in rule.blocks:
        for branch in block.branches:
            yield from _check_branch(branch, reach)


def _check_branch(branch: Branch, reach: _Reach) -> Iterator[Problem]:
    if not reach.possible(branch.around):
        # Reported at the enclosing condition.
        return
    if not reach.possible(branch.around & branch.condition):
        hint = "it contradicts the declared ranges, or the conditions around it"
        yield Problem("this condition never holds", branch.location, hint)
    elif branch.has_else and not reach.possible(branch.around & ~branch.condition):
        message = "this condition always holds, so its else can't be reached"
        hint = "it follows from the declared ranges, or from the conditions around it"
        yield Problem(message, branch.location, hint)


class _Reach:
    """Satisfiability of conditions, given the values that each hyperparameter can take."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._found: dict[Case, bool] = {}

    def possible(self, condition: Condition) -> bool:
        """Whether some setting of the hyperparameters satisfies a condition."""
        return any(self._is_possible(case) for case in condition.cases)

    def _is_possible(self, case: Case) -> bool:
        if case not in self._found:
            wanted: dict[str, list[tuple[Expression, bool]]] = {}
            for atom, holds in case:
                expression = self._rule.atoms[atom]
                found = _landmarks(expression)
                if found is not None:
                    wanted.setdefault(found[0], []).append((expression, holds))
            self._found[case] = all(
                _satisfiable(self._rule.hyperparameter(name), literals)
                for name, literals in wanted.items()
            )
        return self._found[case]


def _landmarks(expression: Expression) -> Landmarks | None:
    """The single name that a condition depends on; None if the condition is more complex."""
    if not isinstance(expression, Operation):
        return None
    if expression.operator in LOGICAL:
        parts = [_landmarks(operand) for operand in expression.operands]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts) or len({name for name, _ in known}) > 1:
            return None
        return known[0][0], frozenset().union(*(points for _, points in known))
    if expression.operator in COMPARISONS:
        sides = expression.operands
        for name, other in (sides, sides[::-1]):
            value = constant(other)
            if isinstance(name, Name) and value is not None:
                return name.id, frozenset({Fraction(value)})
    return None


def _satisfiable(
    hyperparameter: Hyperparameter | None, literals: list[tuple[Expression, bool]]
) -> bool:
    """Whether some number satisfies the range and all literals.

    The truth value of a comparison with a constant changes only at that constant. It therefore
    suffices to test the constants and one point of each interval between them.
    """
    if hyperparameter is None:
        return True
    name, wanted = hyperparameter.name, list(literals)
    if hyperparameter.range is not None:
        wanted.append((hyperparameter.range, True))
    found = [(literal, _landmarks(literal[0])) for literal in wanted]
    known = [(literal, marks[1]) for literal, marks in found if marks and marks[0] == name]
    constants = sorted({point for _, points in known for point in points})
    return any(
        all(bool(evaluate(part, {name: point})) == holds for (part, holds), _ in known)
        for point in _points(constants, hyperparameter.integer)
    )


def _points(constants: list[Fraction], integer: bool) -> Iterable[Fraction]:
    if integer:
        return {
            Fraction(point)
            for at in constants
            for point in (floor(at), ceil(at), floor(at) + 1, ceil(at) - 1)
        }
    between = [(left + right) / 2 for left, right in pairwise(constants)]
    return [*constants, *between, constants[0] - 1, constants[-1] + 1]
