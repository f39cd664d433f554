"""Weights of a mean add up to 1: ``h*a + (1 - h)*b``, not ``h*a + (1 + h)*b``."""

from __future__ import annotations

from collections.abc import Iterator

from optgen.analysis.exact.interval import ONE, ZERO, Interval
from optgen.analysis.exact.polynomial import NotPolynomialError
from optgen.analysis.exact.quotient import Quotients
from optgen.analysis.exact.simplified import product
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.expression import (
    Expression,
    Name,
    Number,
    Operation,
    names,
    text,
    walk,
)
from optgen.compiler.ir.problem import Location
from optgen.compiler.ir.proof import Finding, Group, Verdict

_UNIT = Interval(ZERO, ONE, False, False)


def weights(variant: Variant) -> Iterator[Finding]:
    """A finding for each sum whose weights depend on one hyperparameter from 0 to 1."""
    known = variant.known
    shares = {name for name, interval in known.items() if interval.meet(_UNIT) == interval}
    for step in variant.assignments:
        for part in walk(step.expression):
            if isinstance(part, Operation) and part.operator in ("+", "-"):
                for name in sorted(shares & set(names(part))):
                    yield from _finding(variant, part, name, step.location)


def _finding(
    variant: Variant, whole: Operation, name: str, location: Location
) -> Iterator[Finding]:
    left, right = (_weight(operand, name) for operand in whole.operands)
    if left is None or right is None:
        return
    total = Operation(whole.operator, (left, right))
    shown = text(left), text(right)
    statement = f"the weights in {text(whole)} sum up to 1"
    place = whole.location if whole.location.line else location
    common = Group.WEIGHTS, statement
    where = place, variant.label
    try:
        is_one = any(_is(total, goal) for goal in (Number(1), Number(-1)))
    except NotPolynomialError:
        yield Finding(*common, Verdict.UNDECIDED, *where, "they are too large for exact arithmetic")
        return
    if is_one:
        yield Finding(*common, Verdict.PROVED, *where, "by exact arithmetic")
        return
    reason = f"they are {shown[0]} and {shown[1]}"
    yield Finding(
        *common,
        Verdict.REFUTED,
        *where,
        reason,
        fault=f"the weights in {text(whole)} add up to {text(total)}, not to 1",
    )


def _is(total: Expression, goal: Expression) -> bool:
    return Quotients({}).is_zero(Operation("-", (total, goal)))


def _weight(term: Expression, name: str) -> Expression | None:
    """The factors of a term that depend on ``name`` alone; None if none do, or all."""
    own, others = _factors(term, name)
    return None if own == Number(1) or others == 0 else own


def _factors(term: Expression, name: str) -> tuple[Expression, int]:
    """The product of factors that depend on ``name`` alone, and the number of other factors."""
    if set(names(term)) == {name} and (isinstance(term, Name) or _is_sum(term)):
        return term, 0
    match term:
        case Operation("*", (left, right)):
            (one, few), (other, more) = _factors(left, name), _factors(right, name)
            return product(one, other), few + more
        case Operation("/", (left, _)):
            own, count = _factors(left, name)
            return own, count + 1
        case Operation("neg", (inner,)):
            own, count = _factors(inner, name)
            return (own if own == Number(1) else Operation("neg", (own,))), count
    return Number(1), 1


def _is_sum(term: Expression) -> bool:
    return isinstance(term, Operation) and term.operator in ("+", "-")
