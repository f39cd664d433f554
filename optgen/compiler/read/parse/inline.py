"""Inlining: the steps of a function take the place of its calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import (
    Expression,
    Name,
    Operation,
    depth,
    substitute,
    walk,
)
from optgen.compiler.ir.problem import Problems
from optgen.compiler.ir.rule import Step
from optgen.compiler.read.parse.functions import Function
from optgen.compiler.read.parse.names import free_name
from optgen.compiler.read.parse.reading import MOST_DEPTH, MOST_NODES


class Inliner:
    """Replaces calls in steps; each call gets local names of its own.

    A location inside of a function stays that of the function's file.
    """

    def __init__(
        self, functions: Mapping[str, Function], taken: set[str], problems: Problems
    ) -> None:
        self._functions, self._taken, self._problems = functions, taken, problems
        self._nodes = 0
        self._is_too_large = False

    def inline(self, step: Step) -> Iterator[Step]:
        """The step without calls, behind the steps of the functions that it calls."""
        before: list[Step] = []
        expression = self._replace(step.expression, step.guard, before)
        for one in (*before, replace(step, expression=expression)):
            self._is_too_large |= depth(one.expression) > MOST_DEPTH
            if not self._is_too_large:
                yield one
        if self._is_too_large:
            message = "the functions that are called here are too large, or nested too deeply"
            self._problems.add(message, step.expression.location)

    def _replace(self, expression: Expression, guard: Condition, before: list[Step]) -> Expression:
        if not isinstance(expression, Operation):
            return expression
        operands = tuple(self._replace(part, guard, before) for part in expression.operands)
        function = self._functions.get(expression.operator)
        if function is None or not function.steps:
            return replace(expression, operands=operands)
        self._nodes += sum(1 for step in function.steps for _ in walk(step.expression))
        if self._nodes > MOST_NODES:
            self._is_too_large = True
            return expression
        values: dict[str, Expression] = {}
        for argument, operand in zip(function.arguments, operands, strict=True):
            if isinstance(operand, Operation) and _uses(function, argument) > 1:
                values[argument] = self._kept(function, argument, operand, guard, before)
            else:
                values[argument] = operand
        *steps, last = function.steps
        for step in steps:
            value = self._replace(substitute(step.expression, values), guard, before)
            values[step.target] = self._kept(function, step.target, value, guard, before, step=step)
        return self._replace(substitute(last.expression, values), guard, before)

    def _kept(
        self,
        function: Function,
        wish: str,
        value: Expression,
        guard: Condition,
        before: list[Step],
        step: Step | None = None,
    ) -> Name:
        """A value under a name that nothing else has."""
        name = free_name(f"{function.name}_{wish}", self._taken)
        location = value.location if step is None else step.location
        before.append(Step(name, value, guard, location))
        return Name(name, location)


def _uses(function: Function, argument: str) -> int:
    """How often the steps of a function use an argument."""
    parts = (part for step in function.steps for part in walk(step.expression))
    return sum(isinstance(part, Name) and part.id == argument for part in parts)
