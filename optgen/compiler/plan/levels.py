"""Levels: how often a value must be computed — once per call, per tensor, or per element."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from itertools import combinations

from optgen.compiler.ir.expression import REDUCTIONS, Expression, Name, Number
from optgen.compiler.ir.rule import GRAD, PARAM, Rule, Step


class Level(IntEnum):
    """From the cheapest to the dearest."""

    HOST = 0
    TENSOR = 1
    ELEMENT = 2


class Levels:
    """The level of every name in a list of steps."""

    def __init__(self, rule: Rule, steps: Sequence[Step]) -> None:
        self._levels = {PARAM: Level.ELEMENT, GRAD: Level.ELEMENT}
        self._levels |= {state.name: Level.ELEMENT for state in rule.states}
        # A name that stands for several values in turn can't be hoisted under that name.
        self._levels |= dict.fromkeys(_reassigned(steps), Level.ELEMENT)
        changed = True
        while changed:
            changed = False
            for step in steps:
                level = max(self.of(step.expression), self.name(step.target))
                if level != self.name(step.target):
                    self._levels[step.target], changed = level, True

    def name(self, name: str) -> Level:
        """The level of a name; hyperparameters and counters are known to the host."""
        return self._levels.get(name, Level.HOST)

    def sum(self, name: str) -> None:
        """Note the name of a sum over a tensor."""
        self._levels[name] = Level.TENSOR

    def of(self, expression: Expression) -> Level:
        """The level of an expression: a reduction makes a tensor's scalar of elements."""
        match expression:
            case Number():
                return Level.HOST
            case Name(name):
                return self.name(name)
        if expression.operator in REDUCTIONS:
            return Level.TENSOR
        return max(self.of(operand) for operand in expression.operands)


def _reassigned(steps: Sequence[Step]) -> set[str]:
    guards: dict[str, list[Step]] = {}
    for step in steps:
        guards.setdefault(step.target, []).append(step)
    return {
        name
        for name, assigned in guards.items()
        if any((a.guard & b.guard).cases for a, b in combinations(assigned, 2))
    }
