"""Each state's invariant holds at the start, and is kept by a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optgen.compiler.exact.fold import folded
from optgen.compiler.exact.signs import always_above_zero, difference, never_below_zero
from optgen.compiler.exact.work import spend
from optgen.compiler.nouns.expression import (
    Expression,
    Name,
    Operation,
    substitute,
    text,
    walk,
)
from optgen.compiler.nouns.proof import Finding, Group, Verdict
from optgen.compiler.nouns.rule import State
from optgen.compiler.prove.sample import Numbers, Sample, Search, python
from optgen.compiler.prove.variant import Variant

#: By how much numbers must miss a bound before rounding can't be the reason.
MARGIN = 1e-6
UNKNOWN = "no certificate was found, and no numbers that refute it"


def invariants(variant: Variant, search: Search) -> Iterator[Finding]:
    """A finding for each state that has one."""
    for state in variant.states:
        condition = state.invariant
        if isinstance(condition, Operation):
            for part in _parts(condition):
                yield _start(variant, state, part, search)
                yield _step(variant, state, part, search)


def _parts(condition: Operation) -> Iterator[Operation]:
    if condition.operator == "and":
        for operand in condition.operands:
            if isinstance(operand, Operation):
                yield from _parts(operand)
    else:
        yield condition


def _start(variant: Variant, state: State, condition: Operation, search: Search) -> Finding:
    goal = folded(condition, variant.fresh())
    return _finding(variant, state, goal, f"{text(condition)} at the start", search, ())


def _step(variant: Variant, state: State, condition: Operation, search: Search) -> Finding:
    sizes = {n: sum(1 for _ in walk(value)) for n, value in variant.values.items()}
    spend(sum(sizes.get(part.id, 1) for part in walk(condition) if isinstance(part, Name)))
    goal = substitute(condition, variant.values)
    statement = f"{text(condition)} is kept by a step"
    return _finding(variant, state, goal, statement, search, variant.relations)


def _finding(
    variant: Variant,
    state: State,
    goal: Expression,
    statement: str,
    search: Search,
    relations: tuple[Expression, ...],
) -> Finding:
    assert isinstance(goal, Operation)
    expression = difference(goal)
    prove = always_above_zero if goal.operator in ("<", ">") else never_below_zero
    reason = prove(expression, variant.known, relations)
    common = Group.INVARIANT, statement
    where = state.location, variant.label
    if reason:
        return Finding(*common, Verdict.PROVED, *where, reason)
    numbers = refuting(expression, relations, search)
    if numbers is not None:
        return Finding(*common, Verdict.REFUTED, *where, "", numbers, f"{python(expression)} < 0")
    return Finding(*common, Verdict.UNDECIDED, *where, UNKNOWN)


def refuting(
    expression: Expression, conditions: Sequence[Expression], search: Search
) -> Numbers | None:
    """Numbers that fulfil conditions, for which an expression is clearly negative."""

    def is_refuted(sample: Sample) -> bool:
        if not all(sample.holds(condition) for condition in conditions):
            return False
        size = max((abs(sample.value(part)) for part in _summands(expression)), default=0.0)
        return bool(sample.value(expression) < -MARGIN * max(size, 1e-12))

    return search.find([expression, *conditions], is_refuted)


def _summands(expression: Expression) -> list[Expression]:
    if isinstance(expression, Operation) and expression.operator in ("+", "-"):
        return [part for operand in expression.operands for part in _summands(operand)]
    return [expression]
