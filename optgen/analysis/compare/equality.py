"""Equality of two rules: corresponding states, and a proof by induction over the steps.

A state of the right rule equals one of the left rule times a scale of hyperparameters and the step
number. Runs suggest corresponding states, the first steps give the scale, and exact arithmetic
proves both. If the scale depends on the step, the first step is proved separately.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from optgen.analysis.compare.certificates import is_certainly_zero
from optgen.analysis.compare.closed_form import eliminated
from optgen.analysis.compare.fingerprint import candidates
from optgen.analysis.compare.normal_form import normal
from optgen.analysis.compare.straight_line import Straight, TooLargeError
from optgen.analysis.compare.structure import same_structure
from optgen.analysis.exact.constant_folding import folded
from optgen.analysis.exact.interval import EVERYTHING, Interval
from optgen.analysis.exact.polynomial import NotPolynomialError
from optgen.analysis.exact.quotient import Quotients
from optgen.analysis.exact.simplified import written
from optgen.compiler.ir.comparison import Setting
from optgen.compiler.ir.expression import (
    Expression,
    Name,
    Number,
    Operation,
    names,
    substitute,
    text,
)
from optgen.compiler.ir.rule import CALL, GRAD, PARAM, STEP

#: The limit on matchings of states.
MOST_WAYS = 24
_ONE, _ZERO = Number(1), Number(0)


def identity(label: str, left: Straight, right: Straight) -> Setting | None:
    """A proof that two rules are equal up to order and temporaries; None if they aren't."""
    same = {state.name: state.name for state in right.states}
    alike = set(same) == {state.name for state in left.states}
    return Setting(label, True, same) if alike and same_structure(left, right, same) else None


def equality(
    label: str, left: Straight, right: Straight, draws: Sequence[Mapping[str, float]]
) -> Setting | None:
    """A proof that two rules update the parameters equally; None if none was found."""
    for way in islice(_renamed(left, right, draws), MOST_WAYS):
        if same_structure(left, right, way):
            return Setting(label, True, way)
    try:
        for turned in (False, True):
            sides = (right, left) if turned else (left, right)
            found = _by_algebra(*sides, draws)
            if found is not None:
                return _setting(label, found, turned)
    except TooLargeError:
        pass
    return None


def _renamed(
    left: Straight, right: Straight, draws: Sequence[Mapping[str, float]]
) -> Iterator[dict[str, str]]:
    names_left = [state.name for state in left.states]
    names_right = [state.name for state in right.states]
    if len(names_left) == len(names_right):
        yield from _ways(names_right, candidates(left, right, draws))


def _ways(right: Sequence[str], fits: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Injections from the states of the right rule to those of the left; equal names first."""
    if not right:
        yield {}
        return
    name, *rest = right
    for other in sorted(fits.get(name, ()), key=lambda one: one != name):
        left_over = {key: [one for one in ones if one != other] for key, ones in fits.items()}
        for way in _ways(rest, left_over):
            yield {name: other, **way}


@dataclass(frozen=True)
class _Side:
    """The updates of the relevant states, after elimination of those with a closed form."""

    values: Mapping[str, Expression]
    starts: Mapping[str, Expression]
    forms: Mapping[str, Expression] = field(default_factory=dict)

    @property
    def states(self) -> list[str]:
        return list(self.starts)


def _side(rule: Straight) -> _Side:
    written_out, forms = eliminated(rule)
    values = {name: folded(value, {}) for name, value in written_out.items()}
    states = [state.name for state in rule.states if state.name not in forms]
    needed = {PARAM}
    while True:
        more = {n for name in needed for n in names(values[name]) if n in states} - needed
        if not more:
            break
        needed |= more
    # A state that may stand in for the parameter is a result too.
    results = {state.name for state in rule.states if state.stands_in}
    starts = {n: rule.starts[n] for n in states if n in needed | results}
    return _Side(values, starts, forms)


#: A state, its counterpart, and the factor from the counterpart to the state.
_Matches = list[tuple[str, str, Expression]]


def _setting(label: str, matches: _Matches, turned: bool) -> Setting:
    """The report of a proof; with ``turned``, states of the left rule come first."""
    if turned:
        matches = [(other, name, _inverse(scale)) for name, other, scale in matches]
    shown = {
        name: other if scale == _ONE else f"{text(scale)} times {other}"
        for name, other, scale in matches
    }
    used = {n for *_, scale in matches for n in names(scale)} - {STEP, CALL}
    return Setting(label, True, shown, tuple(sorted(used)))


def _inverse(scale: Expression) -> Expression:
    match scale:
        case Number(1):
            return scale
        case Operation("/", (top, bottom)):
            return bottom if top == _ONE else Operation("/", (bottom, top))
    return Operation("/", (_ONE, scale))


def _by_algebra(
    left: Straight, right: Straight, draws: Sequence[Mapping[str, float]]
) -> _Matches | None:
    mine, theirs = _side(left), _side(right)
    if len(mine.starts) != len(theirs.starts):
        return None
    known = _known(left, right, mine, theirs)
    fits = {
        name: [other for other in found if other in mine.starts]
        for name, found in candidates(left, right, draws).items()
    }
    for way in islice(_ways(theirs.states, fits), MOST_WAYS):
        scales = _scales(mine, theirs, way, known)
        if scales is not None and _is_proved(mine, theirs, way, scales, known):
            return [(name, other, scales[name]) for name, other in way.items()]
    return None


def _known(left: Straight, right: Straight, mine: _Side, theirs: _Side) -> dict[str, Interval]:
    """Known intervals of the left rule's states and of the common names."""
    shared = {*left.known, *right.known} - {*theirs.starts, *mine.starts}
    known = {n: left.known.get(n, EVERYTHING).meet(right.known.get(n, EVERYTHING)) for n in shared}
    return known | {n: left.known[n] for n in mine.starts if n in left.known}


def _scales(
    mine: _Side, theirs: _Side, way: Mapping[str, str], known: Mapping[str, Interval]
) -> dict[str, Expression] | None:
    """The scales of states, right over left, from a step of zero states; 1 by default."""
    zeros_mine, zeros_theirs = (
        dict.fromkeys(mine.starts, _ZERO),
        dict.fromkeys(theirs.starts, _ZERO),
    )
    found: dict[str, Expression] = {}
    for name, other in way.items():
        ours = normal(folded(mine.values[other], zeros_mine))
        new = normal(folded(theirs.values[name], zeros_theirs))
        scale = _ONE if ours == new else _ratio(new, ours, known)
        if scale is None or {GRAD, PARAM, *way.values()} & set(names(scale)):
            scale = _ONE
        found[name] = scale
    return found


def _ratio(top: Expression, bottom: Expression, known: Mapping[str, Interval]) -> Expression | None:
    quotients = Quotients(known)
    try:
        found = quotients.of(Operation("/", (top, bottom)))
        scale = written(found, quotients) if found.top and found.bottom else None
    except NotPolynomialError:
        return None
    match scale:
        case Operation("neg", (Operation("/", (Number(value), below)),)):
            return Operation("/", (Number(-value), below))
    return scale


def _is_proved(
    mine: _Side,
    theirs: _Side,
    way: Mapping[str, str],
    scales: Mapping[str, Expression],
    known: Mapping[str, Interval],
) -> bool:
    moves = any({STEP, CALL} & set(names(scale)) for scale in scales.values())
    before = {n: _earlier(scale) for n, scale in scales.items()}
    states = {n: _times(before[n], Name(other)) for n, other in way.items()}
    differences = list(_differences(mine, theirs, way, scales, {}, states))
    if moves:
        first: dict[str, Expression] = {STEP: _ONE, CALL: _ONE}
        start = _differences(mine, theirs, way, scales, {**mine.starts}, dict(theirs.starts))
        differences += [folded(one, first) for one in start]
    else:
        differences += [
            Operation("-", (theirs.starts[n], _times(scales[n], mine.starts[other])))
            for n, other in way.items()
        ]
    return all(is_certainly_zero(one, known) for one in differences)


def _earlier(scale: Expression) -> Expression:
    """A scale as of the previous step."""
    before: dict[str, Expression] = {n: Operation("-", (Name(n), _ONE)) for n in (STEP, CALL)}
    return substitute(scale, before)


def _differences(
    mine: _Side,
    theirs: _Side,
    way: Mapping[str, str],
    scales: Mapping[str, Expression],
    ours: Mapping[str, Expression],
    states: Mapping[str, Expression],
) -> Iterator[Expression]:
    """Differences after a step that must be 0 for the rules to be equivalent."""
    for name, other in (*way.items(), (PARAM, PARAM)):
        new = _times(scales.get(name, _ONE), substitute(mine.values[other], ours))
        yield Operation("-", (substitute(theirs.values[name], states), new))


def _times(scale: Expression, value: Expression) -> Expression:
    return value if scale == _ONE else Operation("*", (scale, value))
