"""Lists: allowed only as arguments of functions that take a whole list."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from optgen.compiler.ir.expression import Expression, Name, Operation
from optgen.compiler.ir.language import PIECEWISE
from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.rule import Rule


def check_lists(rule: Rule) -> Iterator[Problem]:
    """Lists in place of numbers, and numbers in place of lists."""
    lists = {h.name for h in rule.hyperparameters if h.is_list}
    # Another check reports undeclared names.
    numbers = {h.name for h in rule.hyperparameters} - lists
    for block in rule.blocks:
        for step in block.steps:
            yield from _check(step.expression, lists, numbers)


def _check(
    expression: Expression, lists: Collection[str], numbers: Collection[str]
) -> Iterator[Problem]:
    if isinstance(expression, Name) and expression.id in lists:
        message = f"{expression.id!r} is a list, and a number is needed here"
        yield Problem(message, expression.location, f"{PIECEWISE}(x, bounds, levels) takes lists")
    if not isinstance(expression, Operation):
        return
    operands = expression.operands
    if expression.operator == PIECEWISE:
        for operand in operands[1:]:
            if not isinstance(operand, Name) or operand.id in numbers:
                hint = "name a hyperparameter that has list = true"
                yield Problem("a list is needed here", operand.location, hint)
        operands = operands[:1]
    for operand in operands:
        yield from _check(operand, lists, numbers)
