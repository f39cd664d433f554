"""Declared invariants: they hold initially, and every step preserves them.

So does a move to a second point, from which a rule may come back without a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from optgen.analysis.exact.constant_folding import folded
from optgen.analysis.exact.reductions import of_one_element
from optgen.analysis.exact.signs import always_above_zero, difference, never_below_zero
from optgen.analysis.exact.work import spend
from optgen.analysis.prove.reachability import Reached
from optgen.analysis.prove.sampling import Numbers, Sample, Search, python
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.expression import (
    Expression,
    Name,
    Operation,
    names,
    substitute,
    text,
    walk,
)
from optgen.compiler.ir.proof import Finding, Group, Verdict
from optgen.compiler.ir.rule import State

#: The margin beyond rounding error by which numbers must violate a bound.
MARGIN = 1e-6
UNKNOWN = "no certificate was found, and no numbers that refute it"


def invariants(variant: Variant, reached: Reached) -> Iterator[Finding]:
    """A finding for each state that has an invariant."""
    for state in variant.states:
        condition = state.invariant
        if isinstance(condition, Operation):
            for part in _parts(condition):
                yield _start(variant, state, part, reached.search)
                yield _step(variant, state, part, reached)
                if {*names(part)} & {*variant.moved}:
                    yield _move(variant, state, part, reached.search)


def _parts(condition: Operation) -> Iterator[Operation]:
    if condition.operator == "and":
        for operand in condition.operands:
            if isinstance(operand, Operation):
                yield from _parts(operand)
    else:
        yield condition


def _start(variant: Variant, state: State, condition: Operation, search: Search) -> Finding:
    goal = folded(condition, variant.fresh())
    statement = f"{text(condition)} at the start"
    expression, reason = _proved(goal, variant, ())
    where = Group.INVARIANT, statement
    if reason:
        return Finding(*where, Verdict.PROVED, state.location, variant.label, reason)
    numbers = refuting(expression, (), search)
    return _refuted(where, state, variant, expression, numbers, UNKNOWN)


def _step(variant: Variant, state: State, condition: Operation, reached: Reached) -> Finding:
    sizes = {n: sum(1 for _ in walk(value)) for n, value in variant.values.items()}
    spend(sum(sizes.get(part.id, 1) for part in walk(condition) if isinstance(part, Name)))
    goal = substitute(condition, variant.values)
    where = Group.INVARIANT, f"{text(condition)} is kept by a step"
    expression, reason = _proved(goal, variant, variant.relations)
    if reason:
        return Finding(*where, Verdict.PROVED, state.location, variant.label, reason)
    alone = of_one_element(expression)
    relations = tuple(map(of_one_element, variant.relations))
    numbers = reached.find(alone, relations, lambda v: v < 0, below_zero(alone, relations))
    reason = UNKNOWN
    if numbers is None and refuting(alone, relations, reached.search) is not None:
        reason = "it alone doesn't keep itself, and no run was found that breaks it"
    return _refuted(where, state, variant, alone, numbers, reason)


def _move(variant: Variant, state: State, condition: Operation, search: Search) -> Finding:
    goal = substitute(condition, variant.moved)
    where = Group.INVARIANT, f"{text(condition)} is kept on the way to a second point"
    expression, reason = _proved(goal, variant, variant.relations)
    if reason:
        return Finding(*where, Verdict.PROVED, state.location, variant.label, reason)
    # The first move starts from fresh states; of other states it isn't known whether they occur.
    first = of_one_element(folded(expression, variant.fresh()))
    numbers = refuting(first, (), search)
    return _refuted(where, state, variant, first, numbers, UNKNOWN)


def _proved(
    goal: Expression, variant: Variant, relations: tuple[Expression, ...]
) -> tuple[Expression, str]:
    """An expression that is nonnegative if the goal holds, and the proof; empty without one."""
    assert isinstance(goal, Operation)
    expression = difference(goal)
    prove = always_above_zero if goal.operator in ("<", ">") else never_below_zero
    return expression, prove(expression, variant.known, relations)


def _refuted(
    common: tuple[Group, str],
    state: State,
    variant: Variant,
    expression: Expression,
    numbers: Numbers | None,
    reason: str,
) -> Finding:
    where = state.location, variant.label
    if numbers is not None:
        return Finding(*common, Verdict.REFUTED, *where, "", numbers, f"{python(expression)} < 0")
    return Finding(*common, Verdict.UNDECIDED, *where, reason)


def refuting(
    expression: Expression, conditions: Sequence[Expression], search: Search
) -> Numbers | None:
    """Numbers that satisfy the conditions and make the expression clearly negative."""
    return search.find([expression, *conditions], below_zero(expression, conditions))


def below_zero(
    expression: Expression, conditions: Sequence[Expression]
) -> Callable[[Sample], bool]:
    """A predicate: a sample satisfies the conditions and makes the expression clearly negative."""

    def is_refuted(sample: Sample) -> bool:
        if not all(sample.holds(condition) for condition in conditions):
            return False
        size = max((abs(sample.value(part)) for part in _summands(expression)), default=0.0)
        # The margin is relative: small numbers refute as well as large ones, beyond rounding error.
        return bool(sample.value(expression) < -MARGIN * size)

    return is_refuted


def _summands(expression: Expression) -> list[Expression]:
    if isinstance(expression, Operation) and expression.operator in ("+", "-"):
        return [part for operand in expression.operands for part in _summands(operand)]
    return [expression]
