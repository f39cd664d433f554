"""Types: numbers and conditions; each operator gets operands of the type that it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optgen.compiler.ir.expression import (
    GIVEN,
    LOGICAL,
    Expression,
    Name,
    Operation,
    is_boolean,
    text,
)
from optgen.compiler.ir.language import language_of
from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.rule import Rule, Step

#: Whether a name is a condition. Unknown names are absent; another check reports them.
Kinds = Mapping[str, bool]


def check_kinds(rule: Rule) -> Iterator[Problem]:
    """Conditions in place of numbers, and numbers in place of conditions."""
    kinds = dict.fromkeys(language_of(rule).names, False)
    kinds |= {state.name: False for state in rule.states}
    kinds |= {one.name: False for one in rule.inputs}
    kinds |= {h.name: h.is_switch for h in rule.hyperparameters}
    conditions = [h.range for h in rule.hyperparameters]
    conditions += [state.invariant for state in rule.states]
    for block in rule.blocks:
        conditions.append(block.proceed)
        yield from _check_steps((*block.steps, *block.otherwise), dict(kinds))
    for condition in conditions:
        if condition is not None:
            yield from _wants(condition, kinds, True)


def _check_steps(steps: tuple[Step, ...], kinds: dict[str, bool]) -> Iterator[Problem]:
    """Check the steps in order; the first value of a name defines its kind."""
    for step in steps:
        found = _is_condition(step.expression, kinds)
        kind = kinds.setdefault(step.target, found)
        if kind and not found:
            message = f"{step.target!r} is a condition elsewhere, and this is a number"
            yield Problem(message, step.expression.location, "give the number a name of its own")
        else:
            yield from _wants(step.expression, kinds, kind)


def _is_condition(expression: Expression, kinds: Kinds) -> bool:
    return is_boolean(expression, frozenset(name for name, kind in kinds.items() if kind))


def _wants(expression: Expression, kinds: Kinds, condition: bool) -> Iterator[Problem]:
    """A problem if an expression has the wrong kind; otherwise, the problems of its operands."""
    if isinstance(expression, Name) and expression.id not in kinds:
        return
    if _is_condition(expression, kinds) == condition:
        yield from _inside(expression, kinds)
    elif condition:
        message = "a condition is needed here, and this is a number"
        yield Problem(message, expression.location, "compare it with something")
    else:
        message = "a number is needed here, and this is a condition"
        yield Problem(message, expression.location, f"write where({text(expression):.80}, 1, 0)")


def _inside(expression: Expression, kinds: Kinds) -> Iterator[Problem]:
    if not isinstance(expression, Operation) or expression.operator == GIVEN:
        return
    if expression.operator == "where":
        condition, *branches = expression.operands
        yield from _wants(condition, kinds, True)
        for branch in branches:
            yield from _wants(branch, kinds, _is_condition(branches[0], kinds))
        return
    for operand in expression.operands:
        yield from _wants(operand, kinds, expression.operator in LOGICAL)
