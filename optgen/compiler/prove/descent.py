"""What a first step does: nothing without a gradient, and else it goes against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optgen.compiler.nouns.expression import Expression, Name, Number, Operation, names, rewrite
from optgen.compiler.nouns.problem import Location
from optgen.compiler.nouns.proof import Finding, Group, Verdict
from optgen.compiler.nouns.rule import GRAD, LEARNING_RATE
from optgen.compiler.prove.bounds import Known, bounds
from optgen.compiler.prove.fold import folded
from optgen.compiler.prove.interval import POSITIVE, Interval
from optgen.compiler.prove.sample import Numbers, python, search, value
from optgen.compiler.prove.signs import always_above_zero
from optgen.compiler.prove.variant import Variant, last_location

_REST = "a zero gradient from a fresh state moves nothing"
_DESCENT = "the first step goes against the gradient"


def descent(variant: Variant, first: Mapping[str, float]) -> Iterator[Finding]:
    """The two findings about a step from a fresh state."""
    location = last_location(variant)
    change = folded(variant.change, variant.fresh())
    yield _rest(variant, folded(change, {GRAD: Number(0)}), location, first)
    yield _against(variant, change, location, first)


def _rest(
    variant: Variant, moved: Expression, location: Location, first: Mapping[str, float]
) -> Finding:
    found = bounds(moved, variant.known)
    if moved == Number(0) or (found.low == 0 and found.high == 0):
        reason = "the change is 0 once the zeros are put in"
        return Finding(Group.DESCENT, _REST, Verdict.PROVED, location, variant.label, reason)
    numbers = search(
        names(moved), variant.known, first, lambda numbers: abs(value(moved, numbers)) > 1e-12
    )
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
        if isinstance(part, Operation) and part.operator == "sqrt":
            if not bounds(part, known).is_positive and always_above_zero(
                part.operands[0], known, ()
            ):
                roots[f"root {len(roots)}"] = POSITIVE
                return Name(f"root {len(roots) - 1}")
        return None

    return bounds(rewrite(change, positive), {**known, **roots})


def _against(
    variant: Variant, change: Expression, location: Location, first: Mapping[str, float]
) -> Finding:
    known = {**variant.known, LEARNING_RATE: POSITIVE.meet(variant.known[LEARNING_RATE])}
    up, down = ({**known, GRAD: grad} for grad in (POSITIVE, -POSITIVE))
    if _bounds(change, up).is_negative and _bounds(change, down).is_positive:
        reason = "by the intervals of its parts, for gradients above and below 0"
        return Finding(Group.DESCENT, _DESCENT, Verdict.PROVED, location, variant.label, reason)
    needed = list(dict.fromkeys([GRAD, *names(change)]))

    def is_wrong(numbers: Numbers) -> bool:
        grad = numbers[GRAD]
        return grad != 0 and value(change, numbers) * grad >= 0

    numbers = search(needed, known, first, is_wrong)
    if numbers is not None:
        fails = f"{python(Operation('*', (change, Name(GRAD))))} >= 0"
        return Finding(
            Group.DESCENT, _DESCENT, Verdict.REFUTED, location, variant.label, "", numbers, fails
        )
    reason = "the sign of the change isn't known, and no numbers show a wrong one"
    return Finding(Group.DESCENT, _DESCENT, Verdict.UNDECIDED, location, variant.label, reason)
