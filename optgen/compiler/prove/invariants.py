"""Each state's invariant holds at the start, and is kept by a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optgen.compiler.nouns.expression import Expression, Operation, names, text
from optgen.compiler.nouns.proof import Finding, Group, Verdict
from optgen.compiler.nouns.rule import State
from optgen.compiler.prove.fold import folded
from optgen.compiler.prove.sample import Numbers, holds, python, search, value
from optgen.compiler.prove.signs import always_above_zero, difference, never_below_zero
from optgen.compiler.prove.variant import Variant, substitute

#: By how much numbers must miss a bound before rounding can't be the reason.
MARGIN = 1e-6


def invariants(variant: Variant, first: Mapping[str, float]) -> Iterator[Finding]:
    """A finding for each state that has one."""
    for state in variant.states:
        condition = state.invariant
        if isinstance(condition, Operation):
            for part in _parts(condition):
                yield _start(variant, state, part, first)
                yield _step(variant, state, part, first)


def _parts(condition: Operation) -> Iterator[Operation]:
    if condition.operator == "and":
        for operand in condition.operands:
            if isinstance(operand, Operation):
                yield from _parts(operand)
    else:
        yield condition


def _start(
    variant: Variant, state: State, condition: Operation, first: Mapping[str, float]
) -> Finding:
    before = {**variant.fresh()}
    goal = folded(condition, before)
    return _finding(variant, state, goal, f"{text(condition)} at the start", first, relations=())


def _step(
    variant: Variant, state: State, condition: Operation, first: Mapping[str, float]
) -> Finding:
    goal = substitute(condition, variant.values)
    statement = f"{text(condition)} is kept by a step"
    return _finding(variant, state, goal, statement, first, relations=variant.relations)


def _finding(
    variant: Variant,
    state: State,
    goal: Expression,
    statement: str,
    first: Mapping[str, float],
    relations: tuple[Expression, ...],
) -> Finding:
    assert isinstance(goal, Operation)
    expression = difference(goal)
    strict = goal.operator in ("<", ">")
    prove = always_above_zero if strict else never_below_zero
    reason = prove(expression, variant.known, relations)
    common = (Group.INVARIANT, statement)
    if reason:
        return Finding(*common, Verdict.PROVED, state.location, variant.label, reason)
    numbers = refuting(expression, variant, first)
    if numbers is not None:
        fails = f"{python(expression)} < 0"
        return Finding(*common, Verdict.REFUTED, state.location, variant.label, "", numbers, fails)
    reason = "no certificate was found, and no numbers that refute it"
    return Finding(*common, Verdict.UNDECIDED, state.location, variant.label, reason)


def refuting(
    expression: Expression, variant: Variant, first: Mapping[str, float]
) -> Numbers | None:
    """Numbers, of an admissible state, for which an expression is clearly negative."""
    needed = dict.fromkeys([*names(expression), *(n for r in variant.relations for n in names(r))])

    def is_refuted(numbers: Numbers) -> bool:
        if not all(holds(relation, numbers) for relation in variant.relations):
            return False
        size = max((abs(value(part, numbers)) for part in _summands(expression)), default=0.0)
        return value(expression, numbers) < -MARGIN * max(size, 1e-12)

    return search(list(needed), variant.known, first, is_refuted)


def _summands(expression: Expression) -> list[Expression]:
    if isinstance(expression, Operation) and expression.operator in ("+", "-"):
        return [part for operand in expression.operands for part in _summands(operand)]
    return [expression]
