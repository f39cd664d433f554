"""The start of a rule: divisors in the first step, and corrections for the initial 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optgen.analysis.exact.bounds import bounds
from optgen.analysis.exact.constant_folding import folded
from optgen.analysis.exact.interval import POSITIVE
from optgen.analysis.exact.polynomial import NotPolynomialError
from optgen.analysis.exact.quotient import Quotients
from optgen.analysis.exact.simplified import quotient
from optgen.analysis.prove.domains import asked
from optgen.analysis.prove.ratio import is_largest
from optgen.analysis.prove.running_averages import Form, form, new, running
from optgen.analysis.prove.safety_constants import small_numbers, without_small
from optgen.analysis.prove.variant import Variant, last_location
from optgen.compiler.ir.expression import (
    Expression,
    Name,
    Number,
    Operation,
    names,
    rewrite,
    substitute,
    text,
    walk,
)
from optgen.compiler.ir.proof import Finding, Group, Verdict
from optgen.compiler.ir.rule import CALL, GRAD, LEARNING_RATE, PARAM, STEP

#: The length of expressions that are shown in full.
_LONG = 120
_FIT = "a correction for the start fits: a constant gradient makes all steps alike"


def starts(variant: Variant, defaults: Mapping[str, float]) -> Iterator[Finding]:
    """Findings about quotients in the first step, and about a bias correction if there is one."""
    small = small_numbers(variant, defaults)
    yield _moves(variant)
    yield from _divisors(variant, small)
    yield from _signs(variant)
    if any(_is_power(part) for step in variant.assignments for part in walk(step.expression)):
        yield from _correction(variant, small)


def _moves(variant: Variant) -> Finding:
    """Whether the first step is nonzero; it is unless it reads a state before its update."""
    moved = folded(variant.change, variant.fresh())
    verdict = Verdict.REFUTED if moved == Number(0) else Verdict.PROVED
    reason = "the change isn't 0"
    if verdict is Verdict.REFUTED:
        reason = "the change is 0: a state may be used before it gets its new value"
    statement = "the first step moves the parameter"
    where = last_location(variant), variant.label, reason
    fault = "the first step leaves the parameter where it is"
    return Finding(Group.START, statement, verdict, *where, fault=fault)


def _divisors(variant: Variant, small: set[str]) -> Iterator[Finding]:
    """Whether the first step divides by a value of safety constants alone."""
    values: dict[str, Expression] = {PARAM: Name(PARAM), **variant.fresh()}
    kept = (PARAM, *(state.name for state in variant.states))
    whole = (folded(variant.values.get(name, Name(name)), variant.fresh()) for name in kept)
    used = {name for one in whole for name in names(one)}
    for step in variant.assignments:
        for demand in asked(step.expression, ()):
            divisor = folded(demand.operand, values)
            own = small & {*names(divisor), *names(demand.operand)}
            # A choice may not select the quotient in the first step.
            if demand.sign == "!= 0" and own & used:
                location = demand.location if demand.location.line else step.location
                statement = f"{demand.what} begins with more than a small number"
                verdict, reason = Verdict.PROVED, f"the first divisor is {_shown(divisor)}"
                if names(divisor) and set(names(divisor)) <= small:
                    verdict = Verdict.REFUTED
                    reason += ": a state may be used before it gets its new value"
                where = location, variant.label, reason
                fault = f"in the first step {demand.what} has nothing but a small number below it"
                yield Finding(Group.START, statement, verdict, *where, fault=fault)
        values[step.target] = folded(step.expression, values)


def _shown(expression: Expression) -> str:
    """The beginning of an expression."""
    shown = text(expression)
    return shown if len(shown) <= _LONG else f"{shown[:_LONG]}…"


def _signs(variant: Variant) -> Iterator[Finding]:
    """Whether powers that decay with the step number are subtracted from 1.

    The bias correction of a sum that starts at 0 requires this.
    """
    for step in variant.assignments:
        for part in walk(step.expression):
            if isinstance(part, Operation) and part.operator == "+" and Number(1) in part.operands:
                power = next((one for one in part.operands if one != Number(1)), part)
                if _vanishes(power, variant):
                    statement = f"{text(part)} is a correction for a start at 0"
                    reason = f"that would be 1 - {text(power)}"
                    common = Group.START, statement, Verdict.REFUTED
                    fault = f"{text(part)} has a sign that corrects no start at 0"
                    yield Finding(*common, part.location, variant.label, reason, fault=fault)


def _vanishes(part: Expression, variant: Variant) -> bool:
    """Whether it is a power with a base below 1 and an exponent that grows with the step."""
    if not isinstance(part, Operation) or part.operator != "**":
        return False
    base, exponent = part.operands
    below = bounds(Operation("-", (Number(1), base)), variant.known).is_positive
    return below and STEP in names(exponent)


def _is_power(part: Expression) -> bool:
    return isinstance(part, Operation) and part.operator == "**" and part.operands[1] == Name(STEP)


def _correction(variant: Variant, small: set[str]) -> Iterator[Finding]:
    """Whether the first step is as long as late ones, in the limit of safety constants at 0."""
    found = form(variant)
    late = _late(found, variant, small)
    if late is None:
        return
    first = folded(variant.change, {**variant.fresh(), LEARNING_RATE: Number(1)})
    source = Quotients({**variant.known, GRAD: POSITIVE})
    difference = Operation("-", (without_small(first, small), without_small(late, small)))
    try:
        fits = source.is_zero(folded(difference, {}))
    except NotPolynomialError:
        return
    verdict = Verdict.PROVED if fits else Verdict.REFUTED
    reason = "as small numbers go to 0" if fits else "the first step differs from late ones"
    where = last_location(variant), variant.label, reason
    fault = "a constant gradient makes first steps of another length than late ones"
    yield Finding(Group.START, _FIT, verdict, *where, fault=fault)


def _late(found: Form, variant: Variant, small: set[str]) -> Expression | None:
    """The step after many equal gradients; None if a state isn't known to converge."""
    settled: dict[str, Expression] = {}
    for one in running(found, variant, small):
        gradient = Operation("**", (Name(GRAD), Number(one.power)))
        if one.power == 0:
            gradient = Operation("abs", (Name(GRAD),))
        rest = Number(1) if one.power == 0 else Operation("-", (Number(1), one.decay))
        settled[new(one.state)] = quotient(Operation("*", (one.weight, gradient)), rest)
    for state, value in found.states.items():
        for norm in list(settled):
            if is_largest(value, state, norm):
                settled[new(state)] = settled[norm]

    def without_power(part: Expression) -> Expression | None:
        return Number(0) if _is_power(part) else None

    late = substitute(rewrite(found.change, without_power), settled)
    return None if set(names(late)) & _moving(variant) else late


def _moving(variant: Variant) -> set[str]:
    states = {state.name for state in variant.states}
    return {STEP, CALL, PARAM} | states | set(map(new, states))
