"""Numbers and conditions are two kinds: each operator gets the kind that it works on."""

from __future__ import annotations

from collections.abc import Iterator

from optgen.compiler.nouns.expression import (
    GIVEN,
    LOGICAL,
    Expression,
    Name,
    Operation,
    is_boolean,
    text,
)
from optgen.compiler.nouns.problem import Problem
from optgen.compiler.nouns.rule import COUNTERS, Block, Rule


def check_kinds(rule: Rule) -> Iterator[Problem]:
    """Conditions where numbers belong, and numbers where conditions belong."""
    switches = {h.name for h in rule.hyperparameters if h.is_switch}
    for block in rule.blocks:
        booleans = frozenset(switches)
        for step in (*block.steps, *block.otherwise):
            yield from _inside(step.expression, booleans)
            if is_boolean(step.expression, booleans) or _chooses(step.expression, booleans):
                booleans |= {step.target}
        yield from _proceed(block, rule, frozenset(switches))
    for hyperparameter in rule.hyperparameters:
        if hyperparameter.range is not None:
            yield from _wants(hyperparameter.range, frozenset(), True)
    for state in rule.states:
        if state.invariant is not None:
            yield from _wants(state.invariant, frozenset(), True)


def _proceed(block: Block, rule: Rule, switches: frozenset[str]) -> Iterator[Problem]:
    if block.proceed is None:
        if block.otherwise:
            yield Problem(
                "otherwise is never reached without proceed",
                block.otherwise[0].location,
                'write proceed = "…", the condition under which the update happens',
            )
        return
    yield from _wants(block.proceed, switches, True)
    known = {h.name for h in rule.hyperparameters} | set(COUNTERS)
    yield from _only(block.proceed, known)


def _only(expression: Expression, known: set[str]) -> Iterator[Problem]:
    if isinstance(expression, Name) and expression.id not in known:
        yield Problem(
            f"{expression.id!r} is not known before the call",
            expression.location,
            "proceed may use hyperparameters, call and step",
        )
    if isinstance(expression, Operation):
        for operand in expression.operands:
            yield from _only(operand, known)


def _inside(expression: Expression, booleans: frozenset[str]) -> Iterator[Problem]:
    if not isinstance(expression, Operation) or expression.operator == GIVEN:
        return
    if expression.operator == "where":
        condition, *branches = expression.operands
        yield from _wants(condition, booleans, True)
        for branch in branches:
            yield from _wants(branch, booleans, is_boolean(branches[0], booleans))
        return
    for operand in expression.operands:
        yield from _wants(operand, booleans, expression.operator in LOGICAL)


def _wants(expression: Expression, booleans: frozenset[str], condition: bool) -> Iterator[Problem]:
    if is_boolean(expression, booleans) != condition and not (
        condition and _chooses(expression, booleans)
    ):
        wanted = "a condition" if condition else "a number"
        found = "a number" if condition else "a condition"
        hint = (
            "compare it with something" if condition else f"write where({text(expression)}, 1, 0)"
        )
        yield Problem(f"{wanted} is needed here, and this is {found}", expression.location, hint)
        return
    yield from _inside(expression, booleans)


def _chooses(expression: Expression, booleans: frozenset[str]) -> bool:
    return (
        isinstance(expression, Operation)
        and expression.operator == "where"
        and is_boolean(expression.operands[1], booleans)
    )
