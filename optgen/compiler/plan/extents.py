"""Extents of the names of a program: how often each value is computed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from optgen.compiler.ir.expression import REDUCTIONS, Expression, Name, Number
from optgen.compiler.ir.extent import Extent, join
from optgen.compiler.ir.rule import GRAD, PARAM, Rule, Step


class Extents:
    """The extent of every name in a list of steps."""

    def __init__(self, rule: Rule, steps: Sequence[Step]) -> None:
        self._extents = {PARAM: Extent.ELEMENT, GRAD: Extent.ELEMENT}
        self._extents |= {state.name: Extent.ELEMENT for state in rule.states}
        # A name that is assigned several times can't be hoisted under that name.
        self._extents |= dict.fromkeys(_reassigned(steps), Extent.ELEMENT)
        changed = True
        while changed:
            changed = False
            for step in steps:
                extent = self.of(step.expression) | self.name(step.target)
                if extent != self.name(step.target):
                    self._extents[step.target], changed = extent, True

    def name(self, name: str) -> Extent:
        """The extent of a name; hyperparameters and counters have one value per call."""
        return self._extents.get(name, Extent.CALL)

    def sum(self, name: str) -> None:
        """Record the name of a sum over a tensor."""
        self._extents[name] = Extent.TENSOR

    def of(self, expression: Expression) -> Extent:
        """The extent of an expression: a sum reduces elements to a scalar."""
        match expression:
            case Number():
                return Extent.CALL
            case Name(name):
                return self.name(name)
        if expression.operator in REDUCTIONS:
            return Extent.TENSOR
        return join(self.of(operand) for operand in expression.operands)


def _reassigned(steps: Sequence[Step]) -> set[str]:
    guards: dict[str, list[Step]] = {}
    for step in steps:
        guards.setdefault(step.target, []).append(step)
    return {
        name
        for name, assigned in guards.items()
        if any((a.guard & b.guard).cases for a, b in combinations(assigned, 2))
    }
