"""What a first step does: nothing without a gradient, and else it goes against it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from optgen.compiler.exact.bounds import Known, bounds
from optgen.compiler.exact.fold import folded
from optgen.compiler.exact.interval import POSITIVE, Interval
from optgen.compiler.exact.signs import always_above_zero
from optgen.compiler.nouns.expression import Expression, Name, Number, Operation, rewrite
from optgen.compiler.nouns.problem import Location
from optgen.compiler.nouns.proof import Finding, Group, Verdict
from optgen.compiler.nouns.rule import GRAD, LEARNING_RATE
from optgen.compiler.prove.sample import Sample, Search, python
from optgen.compiler.prove.variant import Variant, last_location

_REST = "a zero gradient from a fresh state moves nothing"
_DESCENT = "the first step goes against the gradient"


def descent(variant: Variant, search: Search) -> Iterator[Finding]:
    """The two findings about a step from a fresh state."""
    location = last_location(variant)
    change = folded(variant.change, variant.fresh())
    yield _rest(variant, folded(change, {GRAD: Number(0)}), location, search)
    yield _against(variant, change, location, search)


def _rest(variant: Variant, moved: Expression, location: Location, search: Search) -> Finding:
    found = bounds(moved, variant.known)
    if moved == Number(0) or (found.low == 0 and found.high == 0):
        reason = "the change is 0 once the zeros are put in"
        return Finding(Group.DESCENT, _REST, Verdict.PROVED, location, variant.label, reason)
    numbers = search.find([moved], lambda sample: bool(abs(sample.value(moved)) > 1e-12))
    if numbers is not None:
        fails = f"{python(moved)} != 0"
        return Finding(
            Group.DESCENT, _REST, Verdict.REFUTED, location, variant.label, "", numbers, fails
        )
    reason = "the change didn't simplify to 0, and no numbers move the parameter"
    return Finding(Group.DESCENT, _REST, Verdict.UNDECIDED, location, variant.label, reason)


def _bounds(change: Expression, known: Known) -> Interval:
    """The interval of a change, with roots that are known to be of positive numbers."""
    roots: dict[str, Interval] = {}

    def positive(part: Expression) -> Expression | None:
        is_root = isinstance(part, Operation) and part.operator == "sqrt"
        if is_root and not bounds(part, known).is_positive and always_above_zero(part, known, ()):
            roots[f"root {len(roots)}"] = POSITIVE
            return Name(f"root {len(roots) - 1}")
        return None

    return bounds(rewrite(change, positive), {**known, **roots})


def _against(variant: Variant, change: Expression, location: Location, search: Search) -> Finding:
    known = {**variant.known, LEARNING_RATE: POSITIVE.meet(variant.known[LEARNING_RATE])}
    up, down = ({**known, GRAD: grad} for grad in (POSITIVE, -POSITIVE))
    if _bounds(change, up).is_negative and _bounds(change, down).is_positive:
        reason = "by the intervals of its parts, for gradients above and below 0"
        return Finding(Group.DESCENT, _DESCENT, Verdict.PROVED, location, variant.label, reason)

    def is_wrong(sample: Sample) -> bool:
        grad = sample.numbers[GRAD]
        return grad != 0 and bool(sample.value(change) * grad >= 0)

    numbers = replace(search, known=known).find([Name(GRAD), change], is_wrong)
    if numbers is not None:
        fails = f"{python(Operation('*', (change, Name(GRAD))))} >= 0"
        return Finding(
            Group.DESCENT, _DESCENT, Verdict.REFUTED, location, variant.label, "", numbers, fails
        )
    reason = "the sign of the change isn't known, and no numbers show a wrong one"
    return Finding(Group.DESCENT, _DESCENT, Verdict.UNDECIDED, location, variant.label, reason)
