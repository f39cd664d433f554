"""States with a closed form: powers of a decay, counts of steps."""

from __future__ import annotations

from collections.abc import Mapping

from optgen.analysis.compare.straight_line import Straight
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, names, substitute
from optgen.compiler.ir.rule import CALL, GRAD, PARAM, STEP

_ONE = Number(1)
#: The number of previous steps.
_BEFORE = Operation("-", (Name(STEP), _ONE))


def closed_forms(rule: Straight) -> dict[str, Expression]:
    """Closed forms of states that are only incremented or multiplied by a constant."""
    found = {}
    for state in rule.states:
        new = rule.values.get(state.name, Name(state.name))
        form = _closed(new, state.name, rule.starts[state.name])
        if form is not None:
            found[state.name] = form
    return found


def _closed(new: Expression, state: str, start: Expression) -> Expression | None:
    match new:
        case Name(name) if name == state:
            return start
        case Operation("*" | "+" as operator, (one, other)):
            step = other if one == Name(state) else one if other == Name(state) else None
        case Operation("/" | "-" as operator, (Name(name), other)) if name == state:
            step = other
        case _:
            return None
    if step is None or {state, PARAM, GRAD, STEP, CALL} & set(names(step)):
        return None
    if operator in ("+", "-"):
        return Operation(operator, (start, Operation("*", (step, _BEFORE))))
    return Operation(operator, (start, Operation("**", (step, _BEFORE))))


def eliminated(rule: Straight) -> tuple[Mapping[str, Expression], dict[str, Expression]]:
    """The new values after elimination of states with a closed form, and these forms."""
    forms = {n: f for n, f in closed_forms(rule).items() if _is_constant(f, rule)}
    return {n: substitute(v, forms) for n, v in rule.values.items()}, forms


def _is_constant(form: Expression, rule: Straight) -> bool:
    """Whether a form contains no other state."""
    return not {state.name for state in rule.states} & set(names(form))
