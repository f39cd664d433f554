"""Oddness: each state is even or odd in the gradient, and the step is odd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import product
from math import prod

from optgen.analysis.exact.bounds import bounds
from optgen.analysis.exact.constant_folding import folded
from optgen.analysis.exact.matrix_facts import FACTS
from optgen.analysis.exact.reductions import of_one_element
from optgen.analysis.exact.work import spend
from optgen.analysis.prove.sampling import Numbers, Sample, Search, python
from optgen.analysis.prove.variant import Variant, last_location
from optgen.compiler.ir.expression import (
    COMPARISONS,
    LOGICAL,
    REDUCTIONS,
    Expression,
    Name,
    Number,
    Operation,
    names,
)
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.proof import Finding, Group, Verdict
from optgen.compiler.ir.reduction import REDUCERS, Combination
from optgen.compiler.ir.rule import GRAD, PARAM

#: Even, odd, or 0 (which is both); None if unknown.
Parity = int | None
EVEN, ODD, ZERO = 1, -1, 0
STATEMENT = "flipping the gradient's sign flips the step"
#: An upper limit on states; each doubles the number of parity assignments.
MOST_STATES = 8


def oddness(variant: Variant, search: Search) -> Iterator[Finding]:
    """The finding about oddness of the step in the gradient."""
    location = last_location(variant)
    common = Group.ODDNESS, STATEMENT
    followed = _followed(variant)
    states = [s.name for s in variant.states if s.name in variant.values.keys() - followed.keys()]
    if len(states) <= MOST_STATES:
        for own in (EVEN, ODD):
            for chosen in product((EVEN, ODD), repeat=len(states)):
                parities = dict(zip(states, chosen, strict=True))
                parities |= {name: parities[first] for name, first in followed.items()}
                if _is_consistent(variant, parities, own):
                    reason = _said(parities, own)
                    yield Finding(*common, Verdict.PROVED, location, variant.label, reason)
                    return
    change = of_one_element(variant.folded(variant.fresh()))
    numbers, fails = _refuted(change, search)
    if numbers is not None:
        yield Finding(*common, Verdict.REFUTED, location, variant.label, "", numbers, fails)
        return
    reason = "no state's parity was found that fits, and the first step shows no difference"
    yield Finding(*common, Verdict.UNDECIDED, location, variant.label, reason)


def _followed(variant: Variant) -> Mapping[str, str]:
    """The states that take the values of others, as in a queue, each with the first of these."""
    values = {state.name: variant.values.get(state.name) for state in variant.states}
    found: dict[str, str] = {}
    for name in values:
        chain = [name]
        while isinstance(before := values.get(chain[-1]), Name) and before.id in values:
            if before.id in chain:
                break
            chain.append(before.id)
        if values[chain[-1]] is not None and len(chain) > 1:
            found[name] = chain[-1]
    return {name: first for name, first in found.items() if first not in found}


def _said(parities: Mapping[str, int], own: int) -> str:
    shown = ", ".join(f"{n} {'odd' if p == ODD else 'even'}" for n, p in parities.items())
    reason = f"with {shown}" if shown else "the change is odd"
    return reason if own == EVEN else f"{reason}, where the parameter's sign flips too"


def _is_consistent(variant: Variant, states: Mapping[str, int], own: int) -> bool:
    """Whether each state's update has the state's parity, and the change is odd.

    ``own`` is the parity of the parameter: a rule with weight decay is odd in gradient and
    parameter together.
    """
    known = {**{s.name: own for s in variant.states if s.initial == PARAM}, **states}
    known |= {GRAD: ODD, PARAM: own}
    for state in variant.states:
        starts = own if state.initial == PARAM else ZERO if state.initial == 0 else EVEN
        if known.get(state.name, EVEN) != starts != ZERO:
            return False
    for name, part in variant.parts.items():
        found = parity(part, known)
        if found is None:
            return False
        known[name] = found
    for name, wanted in states.items():
        if parity(variant.values[name], known) not in (wanted, ZERO):
            return False
    return parity(variant.change, known) in (ODD, ZERO)


def parity(expression: Expression, known: Mapping[str, int]) -> Parity:
    """The parity of an expression under a sign flip of all names that are odd in ``known``."""
    spend(1)
    match expression:
        case Number(number):
            return ZERO if number == 0 else EVEN
        case Name(name):
            return known.get(name, EVEN)
    operator, operands = expression.operator, expression.operands
    found = [parity(operand, known) for operand in operands]
    if None in found:
        is_even = operator in _EVEN or (operator in FACTS and FACTS[operator].is_even)
        return EVEN if is_even and _keeps_magnitude(operands[0], known) else None
    parts = [part for part in found if part is not None]
    if operator in FACTS:
        return _of_matrices(operator, parts)
    return _of_operation(operator, operands, parts)


def _keeps_magnitude(expression: Expression, known: Mapping[str, int]) -> bool:
    """Whether at most the sign flips, as a whole: maybe in one branch of a choice only.

    Such a choice is one for all elements together.
    """
    if parity(expression, known) is not None:
        return True
    if not isinstance(expression, Operation):
        return False
    operator, operands = expression.operator, expression.operands
    if operator == "where":
        is_one = known.keys().isdisjoint(names(operands[0]))
        return is_one and all(_keeps_magnitude(one, known) for one in operands[1:])
    is_product = operator in ("*", "/", "neg") or (operator in FACTS and FACTS[operator].is_odd)
    return is_product and all(_keeps_magnitude(one, known) for one in operands)


#: Operations that preserve the parity of their operand; even operations, such as norms; the largest
#: and the smallest, whose operands must be even; and other operations whose operands must be even.
#: The last also applies to functions that are neither odd nor even.
_SUMS = {n for n, r in REDUCERS.items() if r.combination is Combination.SUM and not r.is_norm}
_NORMS = {name for name, reducer in REDUCERS.items() if reducer.is_norm}
_KEEPING = {"neg"} | _SUMS | {f.name for f in REGISTRY.values() if f.parity == ODD}
_EVEN = _NORMS | {f.name for f in REGISTRY.values() if f.parity == EVEN}
_EXTREMES = REDUCTIONS - _SUMS - _NORMS
_STAYING = COMPARISONS | LOGICAL | {"%"} | {f.name for f in REGISTRY.values() if f.parity is None}


def _of_operation(operator: str, operands: tuple[Expression, ...], parts: list[int]) -> Parity:
    if operator in _KEEPING:
        return parts[0]
    if operator in _EVEN:
        return EVEN if parts[0] or not _vanishes(operator) else ZERO
    if operator in _EXTREMES:
        return None if parts[0] == ODD else parts[0]
    match operator:
        case "+" | "-":
            return _same(parts)
        case "*" | "/":
            return parts[0] * parts[1]
        case "clip" if operands[1] == Operation("neg", (operands[2],)):
            return parts[0] if parts[2] == EVEN else None
        case "atan2" if parts[0] == ODD and parts[1] == EVEN:
            # If x is below 0, y = 0 has the angle pi for either sign.
            return ODD if bounds(operands[1], {}).is_nonnegative else None
        case "**":
            return _power(operands[1], parts)
        case "where":
            return _same(parts[1:]) if parts[0] == EVEN else None
    return EVEN if operator in _STAYING and ODD not in parts else None


def _of_matrices(operator: str, parts: list[int]) -> Parity:
    facts = FACTS[operator]
    if facts.is_odd:
        return prod(parts)
    if facts.is_even:
        return abs(parts[0]) if facts.vanishes else EVEN
    return None if ODD in parts else EVEN


def _vanishes(operator: str) -> bool:
    """Whether an even operation is 0 at 0, as norms are."""
    function = REGISTRY.get(operator)
    return function is None or (function.exact is not None and function.exact(Fraction(0)) == 0)


def _same(parts: list[int]) -> Parity:
    """The parity of a sum with terms of these parities."""
    kinds = {part for part in parts if part != ZERO}
    if len(kinds) > 1:
        return None
    return kinds.pop() if kinds else ZERO


def _power(exponent: Expression, parts: list[int]) -> Parity:
    if isinstance(exponent, Number) and float(exponent.value).is_integer():
        return parts[0] if exponent.value % 2 else abs(parts[0])
    return EVEN if ODD not in parts else None


def _refuted(change: Expression, search: Search) -> tuple[Numbers | None, str]:
    """A counterexample to oddness in the gradient, and to oddness in gradient and parameter."""
    flips = {name: Operation("neg", (Name(name),)) for name in (GRAD, PARAM)}
    flipped = [folded(change, {GRAD: flips[GRAD]}), folded(change, flips)]

    def differs(sample: Sample) -> bool:
        one = sample.value(change)
        others = [sample.value(other) for other in flipped]
        return all(bool(abs(one + two) > 1e-6 * (abs(one) + abs(two))) for two in others)

    numbers = search.find([Name(GRAD), change], differs)
    return numbers, " and ".join(f"{python(change)} != -{python(other)}" for other in flipped)
