"""The first step: zero for a zero gradient, and against the gradient otherwise.

A decay of the parameter towards 0 is allowed and is excluded from the comparison with the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from optgen.analysis.exact.bounds import Known, bounds
from optgen.analysis.exact.constant_folding import folded
from optgen.analysis.exact.interval import POSITIVE, Interval
from optgen.analysis.exact.polynomial import NotPolynomialError
from optgen.analysis.exact.quotient import Quotients
from optgen.analysis.exact.reductions import EVERY, is_reduction, of_one_element
from optgen.analysis.exact.signs import always_above_zero
from optgen.analysis.exact.simplified import written
from optgen.analysis.prove.sampling import Sample, Search, python
from optgen.analysis.prove.variant import PRODUCTS, Variant, last_location
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, names, rewrite
from optgen.compiler.ir.proof import Finding, Group, Verdict
from optgen.compiler.ir.rule import GRAD, LEARNING_RATE, PARAM, STEP

_REST = "a zero gradient from a fresh state moves nothing, or the parameter towards 0"
_DESCENT = "the first step goes against the gradient"
_ZERO = Number(0)


def descent(variant: Variant, search: Search) -> Iterator[Finding]:
    """The two findings about the first step from initial states."""
    change = variant.folded(variant.fresh())
    moved = variant.folded({**variant.fresh(), GRAD: _ZERO})
    yield _rest(variant, moved, search)
    if variant.parts:
        yield _undecided(variant, _DESCENT)
        return
    if not _is_zero(moved, variant.known):
        off = decays(variant, search)
        without = folded(change, off or {PARAM: _ZERO})
        # A step in proportion to the parameter is 0 without it.
        in_proportion = _is_zero(without, variant.known)
        change = Operation("-", (change, moved)) if in_proportion else without
    if _is_zero(change, variant.known):
        change = _second(variant)
    change = _without_decay(change, variant.known)
    yield _against(variant, change, search)


def _undecided(variant: Variant, statement: str) -> Finding:
    where = last_location(variant), variant.label, PRODUCTS
    return Finding(Group.DESCENT, statement, Verdict.UNDECIDED, *where)


def decays(variant: Variant, search: Search) -> dict[str, Expression]:
    """Weight decays of a rule, each fixed to 0; empty for a rule without weight decay."""
    at_rest = variant.folded({**variant.fresh(), GRAD: _ZERO})
    if _is_zero(at_rest, variant.known):
        return {}
    may = [
        name
        for name in sorted(search.hyperparameters - {LEARNING_RATE})
        if 0.0 in search.choices(name)
    ]
    for chosen in (*([name] for name in may), may):
        off: dict[str, Expression] = dict.fromkeys(chosen, _ZERO)
        if _is_zero(folded(at_rest, off), variant.known):
            return off
    return {}


def _is_zero(expression: Expression, known: Known) -> bool:
    found = bounds(expression, known)
    if expression == _ZERO or (found.low == 0 and found.high == 0):
        return True
    try:
        return Quotients(known).is_zero(expression)
    except (NotPolynomialError, ArithmeticError):
        return False


def _is_decay(change: Expression, known: Known) -> bool:
    """Whether the bounds of a change are those of a motion of the parameter towards 0."""
    every = {EVERY + PARAM: known[PARAM]}
    up, down = ({**known, **every, PARAM: sign} for sign in (POSITIVE, -POSITIVE))
    return bounds(change, up).is_nonpositive and bounds(change, down).is_nonnegative


def _without_decay(change: Expression, known: Known) -> Expression:
    """A sum without the decays that are 0 for a zero gradient, and grow with the gradient."""
    rests = PARAM in names(change) and _is_zero(folded(change, {GRAD: _ZERO}), known)
    if rests and _is_decay(change, known):
        return _ZERO
    match change:
        case Operation("+" | "-" as operator, (left, right)):
            kept = _without_decay(left, known)
            if operator == "+":
                return folded(Operation("+", (kept, _without_decay(right, known))), {})
            other = _without_decay(Operation("neg", (right,)), known)
            return kept if other == _ZERO else Operation("-", (kept, right))
    return change


def _second(variant: Variant) -> Expression:
    """The change in the second step with the same gradient, if the first step changes nothing."""
    fresh = variant.fresh()
    states = {
        state.name: folded(variant.values.get(state.name, Name(state.name)), fresh)
        for state in variant.states
    }
    return folded(variant.change, {**states, STEP: Number(2)})


def _rest(variant: Variant, moved: Expression, search: Search) -> Finding:
    common = Group.DESCENT, _REST
    where = last_location(variant), variant.label
    if _is_zero(moved, variant.known):
        reason = "the change is 0 once the zeros are put in"
        return Finding(*common, Verdict.PROVED, *where, reason)
    if _is_decay(moved, variant.known):
        reason = "by the intervals of its parts it is a decay, as of weights"
        return Finding(*common, Verdict.PROVED, *where, reason)
    alone = of_one_element(moved)

    def goes_away(sample: Sample) -> bool:
        param, size = sample.numbers[PARAM], sample.value(alone)
        is_large = bool(abs(size) > 1e-12 * abs(param))
        return is_large and (param == 0 or bool(size * param > 0))

    numbers = search.find([alone, Name(PARAM)], goes_away)
    if numbers is not None:
        sign = f" and {PARAM}*{python(alone)} >= 0" if numbers[PARAM] else ""
        fails = f"{python(alone)} != 0{sign}"
        return Finding(*common, Verdict.REFUTED, *where, "", numbers, fails)
    reason = "the change didn't simplify to 0, and no numbers move the parameter away from 0"
    return Finding(*common, Verdict.UNDECIDED, *where, reason)


def _bounds(change: Expression, known: Known) -> Interval:
    """An interval of a change, with roots of numbers that are known to be positive."""
    roots: dict[str, Interval] = {}

    def positive(part: Expression) -> Expression | None:
        is_root = isinstance(part, Operation) and part.operator == "sqrt"
        if is_root and not bounds(part, known).is_positive and always_above_zero(part, known, ()):
            roots[f"root {len(roots)}"] = POSITIVE
            return Name(f"root {len(roots) - 1}")
        return None

    return bounds(rewrite(change, positive), {**known, **roots})


def _against(variant: Variant, change: Expression, search: Search) -> Finding:
    common = Group.DESCENT, _DESCENT
    where = last_location(variant), variant.label
    known = {**variant.known, LEARNING_RATE: POSITIVE.meet(variant.known[LEARNING_RATE])}
    # The gradients of other elements have any sign.
    every = {EVERY + GRAD: variant.known[GRAD]}
    up, down = ({**known, **every, GRAD: grad} for grad in (POSITIVE, -POSITIVE))
    for one in _forms(change, known):
        if _bounds(one, up).is_negative and _bounds(one, down).is_positive:
            reason = "by the intervals of its parts, for gradients above and below 0"
            return Finding(*common, Verdict.PROVED, *where, reason)
    alone = of_one_element(change)
    numbers = replace(search, known=known).find([Name(GRAD), alone], _climbs(alone))
    if numbers is not None:
        fails = f"{python(Operation('*', (alone, Name(GRAD))))} > 0"
        return Finding(*common, Verdict.REFUTED, *where, "", numbers, fails)
    reason = "the sign of the change isn't known, and no numbers show a wrong one"
    return Finding(*common, Verdict.UNDECIDED, *where, reason)


def _forms(change: Expression, known: Known) -> Iterator[Expression]:
    """A change as it is, and simplified where ranges decide its choices."""
    yield change
    source = Quotients(known)
    try:
        yield written(source.of(_without_choices(change, known)), source)
    except (NotPolynomialError, ArithmeticError):
        return


def _without_choices(expression: Expression, known: Known) -> Expression:
    """The expression with the branch of each choice that the bounds of its condition decide."""

    def change(part: Expression) -> Expression | None:
        match part:
            case Operation("where", (Operation(">", (left, right)), yes, no)):
                found = bounds(Operation("-", (left, right)), known)
                if found.is_positive or found.is_nonpositive:
                    return _without_choices(yes if found.is_positive else no, known)
        return part if is_reduction(part) else None

    return rewrite(expression, change)


def _climbs(change: Expression) -> Callable[[Sample], bool]:
    """A predicate: the change has the gradient's sign; a change of 0 doesn't."""

    def is_wrong(sample: Sample) -> bool:
        moved = sample.value(change)
        size = abs(sample.numbers.get(PARAM, 0.0))
        return bool(moved * sample.numbers[GRAD] > 0) and bool(abs(moved) > 1e-14 * size)

    return is_wrong
