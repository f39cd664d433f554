"""Inlining: the steps of a function take the place of its calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import (
    Expression,
    Name,
    Operation,
    depth,
    names,
    substitute,
    walk,
)
from optgen.compiler.ir.problem import Location, Problems
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
        steps = [*before, replace(step, expression=expression)]
        yield from self._bounded(steps, step.expression.location)

    def inline_several(self, targets: Sequence[Step], call: Operation) -> Iterator[Step]:
        """What assigns the results of a call to several targets, all at once."""
        before: list[Step] = []
        function, guard = self._functions[call.operator], targets[0].guard
        found = self._results(function, call, guard, before)
        assigned: list[Step] = []
        for target, (result, value) in zip(targets, found.items(), strict=False):
            # It is of the values that names have before.
            is_late = bool({*names(value)} & {one.target for one in assigned})
            kept = self._kept(function, result, value, guard, before) if is_late else value
            assigned.append(replace(target, expression=kept))
        yield from self._bounded([*before, *assigned], call.location)

    def _bounded(self, steps: Sequence[Step], location: Location) -> Iterator[Step]:
        for one in steps:
            self._is_too_large |= depth(one.expression) > MOST_DEPTH
            if not self._is_too_large:
                yield one
        if self._is_too_large:
            message = "the functions that are called here are too large, or nested too deeply"
            self._problems.add(message, location)

    def _replace(self, expression: Expression, guard: Condition, before: list[Step]) -> Expression:
        if not isinstance(expression, Operation):
            return expression
        function = self._functions.get(expression.operator)
        if function is None or not function.steps:
            operands = (self._replace(part, guard, before) for part in expression.operands)
            return replace(expression, operands=tuple(operands))
        if len(function.results) > 1:
            count, results = len(function.results), ", ".join(function.results)
            message = f"{function.name} has {count} results, and one value is needed here"
            hint = f"give each a name, on a line before: {results} = {function.name}(…)"
            self._problems.add(message, expression.location, hint)
            return expression
        found = self._results(function, expression, guard, before)
        return found.get(function.results[0], expression)

    def _results(
        self, function: Function, call: Operation, guard: Condition, before: list[Step]
    ) -> dict[str, Expression]:
        """The results of a call, without calls; none of what is too large."""
        operands = [self._replace(part, guard, before) for part in call.operands]
        self._nodes += sum(1 for step in function.steps for _ in walk(step.expression))
        if self._nodes > MOST_NODES:
            self._is_too_large = True
            return {}
        values: dict[str, Expression] = {}
        for argument, operand in zip(function.arguments, operands, strict=True):
            values[argument] = operand
            if isinstance(operand, Operation) and _uses(function.steps, argument) > 1:
                values[argument] = self._kept(function, argument, operand, guard, before)
        for number, step in enumerate(function.steps, start=1):
            value = self._replace(substitute(step.expression, values), guard, before)
            if step.target not in function.results or _uses(function.steps[number:], step.target):
                value = self._kept(function, step.target, value, guard, before, step=step)
            values[step.target] = value
        return {result: values[result] for result in function.results if result in values}

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


def _uses(steps: Sequence[Step], name: str) -> int:
    """How often steps use a name."""
    parts = (part for step in steps for part in walk(step.expression))
    return sum(isinstance(part, Name) and part.id == name for part in parts)
