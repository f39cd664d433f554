"""Use of states: each affects the parameter, and is corrected with its own decay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from optgen.analysis.exact.interval import ONE, ZERO, Interval
from optgen.analysis.prove.running_averages import form, new
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.expression import (
    Expression,
    Name,
    Number,
    Operation,
    names,
    substitute,
    text,
    walk,
)
from optgen.compiler.ir.problem import Location
from optgen.compiler.ir.proof import Finding, Group, Verdict
from optgen.compiler.ir.rule import PARAM, STEP

_UNIT = Interval(ZERO, ONE, False, False)


def memories(variant: Variant) -> Iterator[Finding]:
    """Findings about the use of states, and about bias corrections."""
    yield from _used(variant)
    yield from _corrected(variant)
    yield from _mixed(variant)


def _used(variant: Variant) -> Iterator[Finding]:
    """Whether a state's old value ever influences the parameter, or what evaluation uses."""
    reaching = variant.behind({PARAM, *variant.evaluated})
    moved = "the parameter" + " or its evaluation" * bool(variant.evaluated)
    for state in variant.states:
        if state.name in variant.values and not state.stands_in:
            statement = f"what the state {state.name} remembers moves {moved}"
            holds = state.name in reaching
            reason = "by what new values are made of"
            verdict = Verdict.PROVED if holds else Verdict.REFUTED
            yield Finding(
                Group.START,
                statement,
                verdict,
                state.location,
                variant.label,
                reason,
                fault=f"what the state {state.name} remembers has no effect on {moved}",
            )


def _corrected(variant: Variant) -> Iterator[Finding]:
    """Whether a state is divided by ``1 - decay**step`` with a decay from its update."""
    decays = {n for n, interval in variant.known.items() if interval.meet(_UNIT) == interval}
    own = {new(state): {*names(value)} & decays for state, value in form(variant).states.items()}
    values: dict[str, Expression] = {}
    for step in variant.assignments:
        for part in walk(step.expression):
            base = _correction(part)
            if base is not None:
                assert isinstance(part, Operation)
                top = substitute(part.operands[0], values)
                states = {*names(top)} & own.keys()
                if len(states) == 1:
                    yield from _fits(variant, part, base, own[states.pop()], step.location)
        values[step.target] = substitute(step.expression, values)
        if new(step.target) in own:
            values[step.target] = Name(new(step.target))


def _correction(part: Expression) -> str | None:
    """The decay of a bias correction: of a quotient by ``1 - name**step``, or by its root."""
    match part:
        case Operation("/", (_, Operation("sqrt", (inner,)))):
            return _correction(Operation("/", (Number(1), inner)))
        case Operation("/", (_, Operation("-", (Number(1), Operation("**", (Name(base), over)))))):
            return base if over == Name(STEP) else None
    return None


def _fits(
    variant: Variant, part: Operation, base: str, own: set[str], location: Location
) -> Iterator[Finding]:
    if not own:
        return
    statement = f"{text(part)} is corrected with a decay that made it"
    verdict = Verdict.PROVED if base in own else Verdict.REFUTED
    where = part.location if part.location.line else location
    reason = f"the state is made with {', '.join(sorted(own))}"
    yield Finding(
        Group.START,
        statement,
        verdict,
        where,
        variant.label,
        reason,
        fault=f"{text(part)} is corrected with a decay that the state is made without",
    )


def _mixed(variant: Variant) -> Iterator[Finding]:
    """Whether in ``a*state + (1 - b)*x`` the b is a decay other than a that is used elsewhere."""
    shares = {n for n, interval in variant.known.items() if interval.meet(_UNIT) == interval}
    states = {state.name for state in variant.states}
    uses = Counter(
        part.id
        for step in variant.assignments
        for part in walk(step.expression)
        if isinstance(part, Name)
    )
    for step in variant.assignments:
        terms = [list(_factors(term)) for term in _terms(step.expression)]
        kept = [term for term in terms if Name(step.target) in term]
        own = {f.id for term in kept for f in term if isinstance(f, Name)} & shares
        others = {_rest_of(f) for term in terms if term not in kept for f in term} & shares
        wrong = {name for name in others - own if uses[name] > 1}
        if step.target in states and len(own) == 1 and wrong:
            statement = f"what {step.target} keeps and what it takes are shares of one decay"
            reason = f"it keeps {min(own)} and takes 1 - {min(wrong)}"
            where = step.location, variant.label, reason
            yield Finding(
                Group.WEIGHTS,
                statement,
                Verdict.REFUTED,
                *where,
                fault=f"{step.target} keeps a share of one decay and takes that of another",
            )


def _terms(expression: Expression) -> Iterator[Expression]:
    if isinstance(expression, Operation) and expression.operator in ("+", "-"):
        for operand in expression.operands:
            yield from _terms(operand)
    else:
        yield expression


def _factors(term: Expression) -> Iterator[Expression]:
    if isinstance(term, Operation) and term.operator == "*":
        for operand in term.operands:
            yield from _factors(operand)
    else:
        yield term


def _rest_of(factor: Expression) -> str:
    """The name b of a factor ``1 - b``; empty for any other factor."""
    match factor:
        case Operation("-", (Number(1), Name(name))):
            return name
    return ""
