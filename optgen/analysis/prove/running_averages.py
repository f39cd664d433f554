"""States that sum powers of the gradient with a decay."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from optgen.analysis.exact.bounds import Known
from optgen.analysis.exact.interval import NEGATIVE, POSITIVE
from optgen.analysis.exact.polynomial import NotPolynomialError, powers
from optgen.analysis.exact.quotient import Quotient, Quotients
from optgen.analysis.exact.simplified import written
from optgen.analysis.prove.safety_constants import without_small
from optgen.analysis.prove.variant import Variant, without
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, substitute
from optgen.compiler.ir.rule import GRAD, LEARNING_RATE, PARAM

ONE = Number(1)


@dataclass(frozen=True)
class Form:
    """A step at a learning rate of 1, in terms of the new states."""

    change: Expression
    #: The new value of each state, in terms of its old value and the new values of other states.
    states: Mapping[str, Expression]


def new(state: str) -> str:
    """The name of a state's new value; its blank excludes clashes with names in specs."""
    return f"new {state}"


def slack(state: str) -> str:
    """The name of a state's slack variable."""
    return f"slack of {state}"


def form(variant: Variant) -> Form:
    """The step of a variant, with names for the new values of its states."""
    own = {state.name for state in variant.states}
    values: dict[str, Expression] = {LEARNING_RATE: ONE, PARAM: Name(PARAM)}
    states: dict[str, Expression] = {}
    for step in variant.assignments:
        values[step.target] = substitute(step.expression, values)
        if step.target in own:
            states[step.target] = values[step.target]
            values[step.target] = Name(new(step.target))
    return Form(without(values[PARAM], PARAM), states)


@dataclass(frozen=True)
class Running:
    """``decay*state + weight*grad**power``, or the maximum of both for a ``power`` of 0."""

    state: str
    decay: Expression
    weight: Expression
    power: int


def running(found: Form, variant: Variant, small: Collection[str]) -> Iterator[Running]:
    """The states that are running sums or running maxima of gradients, starting at 0.

    The ``small`` numbers may add to them.
    """
    for state in variant.states:
        value = found.states.get(state.name)
        if value is not None and state.initial == 0:
            value = without_small(value, small)
            one = _maximum(state.name, value, variant.known) or _sum(state.name, value)
            if one is not None:
                yield one


def _sum(state: str, value: Expression) -> Running | None:
    source = Quotients({})
    try:
        found = source.of(value)
    except NotPolynomialError:
        return None
    parts = powers(found.top, state)
    if len(parts) != 2:
        return None
    of_gradient = powers(parts[0], GRAD)
    power = len(of_gradient) - 1
    if power not in (1, 2) or any(of_gradient[:-1]):
        return None
    decay, weight = (
        written(Quotient(part, found.bottom), source) for part in (parts[1], of_gradient[-1])
    )
    return Running(state, decay, weight, power)


def _maximum(state: str, value: Expression, known: Known) -> Running | None:
    """``max(decay*state, weight*abs(grad))``, in either order."""
    if not isinstance(value, Operation) or value.operator != "max":
        return None
    for kept, added in (value.operands, value.operands[::-1]):
        decay = factor(kept, state, known)
        up, down = (factor(added, GRAD, {**known, GRAD: sign}) for sign in (POSITIVE, NEGATIVE))
        if decay is None or up is None or down is None:
            continue
        if _is_zero(Operation("+", (up, down)), known):
            return Running(state, decay, up, 0)
    return None


def _is_zero(expression: Expression, known: Known) -> bool:
    try:
        return Quotients(known).is_zero(expression)
    except NotPolynomialError:
        return False


def factor(expression: Expression, name: str, known: Known) -> Expression | None:
    """The factor of a name, if the expression is proved to be linear in it without other terms."""
    source = Quotients(known)
    try:
        found = source.of(expression)
    except NotPolynomialError:
        return None
    parts = powers(found.top, name)
    if len(parts) != 2 or parts[0] or len(powers(found.bottom, name)) != 1:
        return None
    return written(Quotient(parts[1], found.bottom), source)
