"""The differences between a rule and its plan, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import mpmath

from optgen.analysis.exact.digits import DIGITS, precise
from optgen.analysis.measure.equivalence import raised, same
from optgen.analysis.measure.ieee import (
    NO_VALUE,
    error_in_ulps,
    in_float32,
    in_float64,
    to_float32,
)
from optgen.analysis.measure.inputs import LATE
from optgen.analysis.measure.settings import Setting
from optgen.compiler.ir.accuracy import Rewrite
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
from optgen.compiler.ir.plan import Assignment
from optgen.compiler.ir.rule import CALL, STEP

HOISTED, LOWERED = "once a call", "power"
#: The bases with which a power is measured.
_BASES = tuple(to_float32(1.0 + k / 7) for k in range(14))
_X = Name("x")
_SAME, _EXACT = "the same expression", "equal by exact arithmetic"


def rewrites(settings: Sequence[Setting]) -> tuple[Rewrite, ...]:
    """The distinct rewrites of all settings."""
    return tuple(dict.fromkeys(one for setting in settings for one in _of(setting)))


def _of(setting: Setting) -> Iterator[Rewrite]:
    used = {name for item in setting.body for name in names(item.expression)}
    values: dict[str, Expression] = {}
    for item in setting.host:
        values[item.target] = substitute(item.expression, values)
        if item.target in used:
            yield _hoisted(setting, item, raised(values[item.target]))
    powers = {
        part: None
        for step in setting.steps
        for part in walk(step.expression)
        if isinstance(part, Operation) and part.operator == "**" and not _is_host(part, setting)
    }
    for part in powers:
        yield from _lowered(part, setting)


def _is_host(part: Expression, setting: Setting) -> bool:
    """Whether a value is a host value, computed once per call."""
    known = {*setting.numbers, STEP, CALL}
    return set(names(part)) <= known


def _hoisted(setting: Setting, item: Assignment, whole: Expression) -> Rewrite:
    """A rewrite for a value that depends only on hyperparameters and counters."""
    errors = [0.0, 0.0]
    for number in (1.0, 2.0, 1000.0, float(LATE)):
        given = {**setting.numbers, STEP: number, CALL: number}
        try:
            values = (in_float32(whole, given), to_float32(in_float64(whole, given)))
            with mpmath.workdps(DIGITS):
                exact = precise(whole, {name: mpmath.mpf(value) for name, value in given.items()})
        except NO_VALUE:
            continue
        errors = [max(e, error_in_ulps(v, exact)) for e, v in zip(errors, values, strict=True)]
    count = sum(isinstance(part, Operation) for part in walk(whole))
    return Rewrite(HOISTED, text(whole), item.target, _SAME, (count, 0), (errors[0], errors[1]))


def _lowered(part: Operation, setting: Setting) -> Iterator[Rewrite]:
    """Rewrites of elementwise powers to products or roots, as in the plan."""
    base, exponent = part.operands
    planned = _planned(exponent, setting)
    if planned is None:
        return
    written = Operation("**", (_X, exponent))
    errors = [0.0, 0.0]
    for value in _BASES:
        values = (in_float32(one, {_X.id: value}) for one in (written, planned))
        with mpmath.workdps(DIGITS):
            exact = precise(written, {_X.id: mpmath.mpf(value)})
        errors = [max(e, error_in_ulps(v, exact)) for e, v in zip(errors, values, strict=True)]
    after = text(substitute(planned, {_X.id: base}))
    counts = 1, sum(isinstance(one, Operation) for one in walk(planned))
    proof = _EXACT if same(written, planned) else ""
    yield Rewrite(LOWERED, text(part), after, proof, counts, (errors[0], errors[1]))


def _planned(exponent: Expression, setting: Setting) -> Expression | None:
    """The plan's form of a power of x; None if it computes powers directly."""
    if exponent == Number(0.5):
        return Operation("sqrt", (_X,))
    for item in setting.body:
        for part in walk(item.expression):
            found = _power(part)
            if found is not None and Number(found[1]) == exponent:
                return _with_base(part, found[0])
    return None


def _power(part: Expression) -> tuple[Expression, int] | None:
    """The base and exponent of a product of factors and squares."""
    match part:
        case Operation("square", (base,)):
            inner = _power(base)
            return (base, 2) if inner is None else (inner[0], 2 * inner[1])
        case Operation("*", (base, other)):
            inner = _power(other)
            return (base, inner[1] + 1) if inner is not None and inner[0] == base else None
    return None


def _with_base(part: Expression, base: Expression) -> Expression:
    return rewrite(part, lambda one: _X if one == base else None)
