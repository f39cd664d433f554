"""Inferred invariants: bounds of states that every step preserves.

Candidates that hold in all runs are assumed together; those that a step may violate under that
assumption are dropped, until all others are preserved by every step (Flanagan and Leino, 2001:
Houdini).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import permutations

import numpy as np

from optgen.analysis.exact.constant_folding import folded
from optgen.analysis.exact.interval import EVERYTHING, NONNEGATIVE, POSITIVE, ZERO, Interval
from optgen.analysis.exact.signs import always_above_zero, difference, never_below_zero
from optgen.analysis.prove.reachability import Reached
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, substitute, text
from optgen.compiler.ir.proof import Finding, Group, Verdict

_ONE = Fraction(1)
#: Candidate bounds for a single state: the comparison, its number, and the interval.
_ALONE = (
    (">=", 0, NONNEGATIVE),
    (">", 0, POSITIVE),
    ("<=", 0, Interval(None, ZERO, True, False)),
    ("<=", 1, Interval(None, _ONE, True, False)),
    (">=", 1, Interval(_ONE, None, False, True)),
    (">=", -1, Interval(-_ONE, None, False, True)),
)
#: The largest number of states of a rule for which pairs are related.
_MOST_RELATED = 4


@dataclass(frozen=True)
class _Candidate:
    state: str
    condition: Operation
    #: The bound of the state; None for a relation between two states.
    interval: Interval | None


def inferred(variant: Variant, reached: Reached) -> tuple[Variant, tuple[Finding, ...]]:
    """The variant extended by the inferred invariants, and the findings about them."""
    kept = [one for one in _candidates(variant, reached) if _starts(one, variant)]
    while True:
        assumed = _assuming(variant, kept)
        still = [one for one in kept if _is_kept(one, assumed)]
        if len(still) == len(kept):
            return assumed, tuple(_findings(variant, kept))
        kept = still


def _candidates(variant: Variant, reached: Reached) -> Iterator[_Candidate]:
    """Bounds that aren't known yet and that no run violates.

    Runs don't have the values that states get on the way to a second point.
    """
    states = [state for state in variant.states if state.name not in variant.on_the_way]
    for state in states:
        low, high = reached.limits(Name(state.name))
        known = variant.known.get(state.name, EVERYTHING)
        if np.isnan(low) or np.isnan(high):
            continue
        for operator, number, interval in _ALONE:
            if known.meet(interval) != known and _within(low, high, interval):
                condition = Operation(operator, (Name(state.name), Number(number)))
                yield _Candidate(state.name, condition, interval)
    if len(states) <= _MOST_RELATED:
        for one, other in permutations((state.name for state in states), 2):
            square = Operation("**", (Name(one), Number(2)))
            least, _ = reached.limits(Operation("-", (Name(other), square)))
            if least >= -1e-9:
                yield _Candidate(other, Operation("<=", (square, Name(other))), None)


def _within(low: float, high: float, interval: Interval) -> bool:
    least = -np.inf if interval.low is None else float(interval.low)
    most = np.inf if interval.high is None else float(interval.high)
    is_open = interval.low_open and interval.low is not None
    return (low > least if is_open else low >= least) and high <= most


def _starts(candidate: _Candidate, variant: Variant) -> bool:
    return _holds(folded(candidate.condition, variant.fresh()), variant)


def _is_kept(candidate: _Candidate, assumed: Variant) -> bool:
    return _holds(substitute(candidate.condition, assumed.values), assumed)


def _holds(goal: Expression, variant: Variant) -> bool:
    assert isinstance(goal, Operation)
    prove = always_above_zero if goal.operator in ("<", ">") else never_below_zero
    return bool(prove(difference(goal), variant.known, variant.relations))


def _assuming(variant: Variant, candidates: list[_Candidate]) -> Variant:
    known, relations = dict(variant.known), list(variant.relations)
    for one in candidates:
        if one.interval is None:
            relations.append(one.condition)
        else:
            known[one.state] = known.get(one.state, EVERYTHING).meet(one.interval)
    return replace(variant, known=known, relations=tuple(relations))


def _findings(variant: Variant, kept: list[_Candidate]) -> Iterator[Finding]:
    """The strongest inferred invariants of each state."""
    places = {state.name: state.location for state in variant.states}
    for one in kept:
        others = [other for other in kept if other.state == one.state and other is not one]
        if one.interval is not None and any(_implies(other, one) for other in others):
            continue
        statement = f"{text(one.condition)} always"
        reason = "kept from the start on by each step, as was inferred"
        where = places[one.state], variant.label, reason
        yield Finding(Group.INVARIANT, statement, Verdict.PROVED, *where)


def _implies(other: _Candidate, one: _Candidate) -> bool:
    if other.interval is None or one.interval is None:
        return False
    return other.interval.meet(one.interval) == other.interval != one.interval
