"""Proved rounding error bounds for each result of a step."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from optgen.analysis.exact.interval import EVERYTHING, NONNEGATIVE, ONE, Interval
from optgen.analysis.exact.matrix_facts import is_call
from optgen.analysis.exact.ranges import bound
from optgen.analysis.measure.rounding_analysis import (
    DOUBLE,
    EXACT,
    SINGLE,
    Analysis,
    Count,
    Counts,
    in_single,
    ulps,
)
from optgen.analysis.measure.settings import Setting, settings
from optgen.compiler.ir.accuracy import STEP_RESULT, Bound
from optgen.compiler.ir.expression import Expression, Name, Number, Operation
from optgen.compiler.ir.extent import ARRAYS
from optgen.compiler.ir.extents import AMOUNTS
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.rule import CALL, GRAD, LEARNING_RATE, PARAM, STEP, Rule

_OF_LIBRARIES = "a library computes functions of matrices, with errors that grow with their size"
_COUNTED = Interval(ONE, None, False, True)


def limits(plan: Plan) -> tuple[Bound, ...]:
    """The error bound of each result in each setting of an optimizer's own switches."""
    return tuple(
        one for setting in settings(plan) for one in bounds_of(setting, analyse(plan.rule, setting))
    )


def bounds_of(setting: Setting, found: Analysis) -> Iterator[Bound]:
    """The error bounds of one setting: of the parameter's increment, and of each state."""
    why = {
        state.name: f"it has {AMOUNTS[state.extent]}, computed in float64"
        for state in setting.states
        if state.extent not in ARRAYS
    }
    for result in (STEP_RESULT, *(state.name for state in setting.states)):
        count = why.get(result, found.counts[result])
        if isinstance(count, str):
            yield Bound(result, setting.label, None, why=count)
        else:
            yield Bound(result, setting.label, ulps(count), count.cancels)


def analyse(rule: Rule, setting: Setting, loaded: Counts | None = None) -> Analysis:
    """The rounding counts of all values of a step.

    ``loaded`` are the counts of gradient and states; without them both are exact.
    """
    known = known_intervals(rule, setting)
    counts: dict[str, Count | str] = dict.fromkeys((PARAM, GRAD, *known), EXACT)
    # Kernels take hyperparameters and counters as float32.
    counts |= {name: Count(Fraction(1)) for name in (*setting.numbers, STEP, CALL)}
    counts |= {name: Count(Fraction(1)) for name in setting.kept}
    counts |= {**_host(setting), **(loaded or {})}
    analysis = Analysis(SINGLE, counts, known)
    for item in setting.host:
        analysis.known[item.target] = analysis.interval(item.expression)
    analysis.assign(STEP_RESULT, Number(0))
    for item in setting.body:
        if is_call(item.expression):
            analysis.counts[item.target] = _OF_LIBRARIES
            continue
        if item.extent not in ARRAYS:
            # The error of a sum grows with the number of its terms.
            continue
        change = _change(item.expression) if item.target == PARAM else None
        if change is not None:
            analysis.assign(STEP_RESULT, change)
        elif item.target == PARAM:
            # The new parameter isn't a sum with the old one, so the result is the whole expression.
            analysis.assign(STEP_RESULT, item.expression)
        analysis.assign(item.target, item.expression)
    return analysis


def _host(setting: Setting) -> dict[str, Count | str]:
    """Host values: computed once per call in float64 with the setting's numbers, then rounded."""
    known = {name: Interval.point(Fraction(value)) for name, value in setting.numbers.items()}
    known |= {STEP: _COUNTED, CALL: _COUNTED}
    analysis = Analysis(DOUBLE, dict.fromkeys(known, EXACT), known)
    rounded: dict[str, Count | str] = {}
    for item in setting.host:
        analysis.assign(item.target, item.expression)
        count = analysis.counts[item.target]
        if isinstance(count, Count) and count.cancels:
            count = f"{item.target} may cancel in float64"
        rounded[item.target] = count if isinstance(count, str) else in_single(count)
    return rounded


def _change(new: Expression) -> Expression | None:
    """The increment of the parameter, after earlier updates; None for anything but a sum.

    The addition isn't counted: the step isn't responsible for the limited precision of the
    parameter.
    """
    match new:
        case Operation("+" | "-" as sign, (Name(name), change)) if name == PARAM:
            pass
        case Operation("+" as sign, (change, Name(name))) if name == PARAM:
            pass
        case _:
            return None
    return Operation(sign, (Name(STEP_RESULT), change))


def known_intervals(rule: Rule, setting: Setting) -> dict[str, Interval]:
    """Known intervals of names, from ranges and invariants."""
    known = {LEARNING_RATE: NONNEGATIVE, STEP: _COUNTED, CALL: _COUNTED}
    conditions = {h.name: h.range for h in rule.hyperparameters if h.name in setting.numbers}
    conditions |= {state.name: state.invariant for state in setting.states}
    for name, condition in conditions.items():
        found = None if condition is None else bound(condition, name)
        known[name] = known.get(name, EVERYTHING) if found is None else found
    return known
