"""Measure: rounding errors of a rule as written and as planned, against 50 digits.

Rounding analysis proves bounds; runs show how tight they are, with tensors of one element. Exact
arithmetic proves the planned rule equal to the written one.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field

import mpmath

from optgen.analysis.exact.digits import DIGITS
from optgen.analysis.measure.equivalence import mean_the_same
from optgen.analysis.measure.error_bounds import analyse, bounds_of
from optgen.analysis.measure.ieee import (
    NO_VALUE,
    Numbers,
    error_in_ulps,
    in_float32,
    in_float64,
    is_finite,
    to_float32,
)
from optgen.analysis.measure.inputs import CANCELLING, Run, runs
from optgen.analysis.measure.magnitude import Sized, sized
from optgen.analysis.measure.rewrites import rewrites
from optgen.analysis.measure.settings import Setting, settings
from optgen.compiler.ir.accuracy import STEP_RESULT, Accuracy
from optgen.compiler.ir.expression import Expression, walk
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.plan import Plan
from optgen.compiler.ir.rule import CALL, GRAD, PARAM, STEP

#: The size limit of expressions in all settings; larger rules take seconds.
MOST_PARTS = 1500


def measure(plan: Plan) -> Accuracy:
    """The measured accuracy of an optimizer's own update, over its settings.

    All features are off.
    """
    found = _Worst()
    every = list(settings(plan))
    analysed = [(setting, analyse(plan.rule, setting)) for setting in every]
    proved = tuple(one for setting, analysis in analysed for one in bounds_of(setting, analysis))
    parts = sum(1 for s in every for step in s.steps for _ in walk(step.expression))
    if parts > MOST_PARTS:
        return Accuracy(bounds=proved)
    for setting, analysis in analysed:
        found.relative = analysis.relative
        for run in runs():
            found.take(setting, run)
    return Accuracy(
        rewrites(every),
        found.written,
        found.planned,
        bool(every) and all(map(mean_the_same, every)),
        CANCELLING,
        proved,
        found.results,
        found.count,
    )


@dataclass
class _Worst:
    """The largest errors so far, by kind of input."""

    written: dict[str, float] = field(default_factory=dict)
    planned: dict[str, float] = field(default_factory=dict)
    #: For each setting and result of the plan, in ulps of the terms' magnitudes.
    results: dict[tuple[str, str], float] = field(default_factory=dict)
    #: The number of measured steps.
    count: int = 0
    #: Sums of the measured setting with errors relative to their own values.
    relative: Set[Expression] = frozenset()

    def take(self, setting: Setting, run: Run) -> None:
        """Measure a run of one setting; stop at the first value that isn't finite."""
        states = start(setting)
        for place, gradient in enumerate(run.gradients, start=1):
            number = float(run.number(place))
            # The parameter is 0, so that its new value is the step.
            given = {**setting.numbers, **states, GRAD: to_float32(gradient), PARAM: 0.0}
            given |= {STEP: number, CALL: number}
            try:
                planned = planned_step(setting, given)
                if place in run.measured:
                    self._compare(setting, run.kind, given, planned)
                    self.count += 1
            except NO_VALUE:
                return
            if not all(map(is_finite, planned.values())):
                return
            states = {name: value for name, value in planned.items() if name != PARAM}

    def _compare(self, setting: Setting, kind: str, given: Numbers, planned: Numbers) -> None:
        exact = exact_step(setting, given, self.relative)
        # Bounds are of values that don't overflow.
        covered = planned if all(map(is_finite, planned.values())) else {}
        for name, value in covered.items():
            key = setting.label, STEP_RESULT if name == PARAM else name
            error = error_in_ulps(value, exact[name].value, exact[name].magnitude)
            self.results[key] = max(self.results.get(key, 0.0), error)
        for errors, values in (
            (self.written, written_step(setting, given)),
            (self.planned, planned),
        ):
            for name, value in values.items():
                error = error_in_ulps(value, exact[name].value)
                errors[kind] = max(errors.get(kind, 0.0), error)


def start(setting: Setting) -> dict[str, float]:
    """The initial values of states."""
    return {
        state.name: to_float32(
            setting.numbers.get(state.initial, 1.0)
            if isinstance(state.initial, str)
            else float(state.initial)
        )
        for state in setting.states
    }


def _results(setting: Setting) -> Iterator[str]:
    yield PARAM
    yield from (state.name for state in setting.states)


def written_step(setting: Setting, given: Numbers) -> dict[str, float]:
    """The new states and parameter, with each operation of the source in float32."""
    values = dict(given)
    for step in setting.steps_alone:
        values[step.target] = in_float32(step.expression, values)
    return {name: values[name] for name in _results(setting)}


def planned_step(setting: Setting, given: Numbers) -> dict[str, float]:
    """The same by the plan: host values in float64, rounded once."""
    values = dict(given)
    for item in setting.host:
        values[item.target] = in_float64(item.expression, values)
    for item in setting.alone:
        compute = in_float32 if item.extent is Extent.ELEMENT else in_float64
        values[item.target] = compute(item.expression, values)
    return {name: values[setting.kept.get(name, name)] for name in _results(setting)}


def exact_step(setting: Setting, given: Numbers, relative: Set[Expression]) -> dict[str, Sized]:
    """The plan in 50 digits, from the same inputs; each result with its terms' magnitudes."""
    with mpmath.workdps(DIGITS):
        values = {n: Sized(mpmath.mpf(v), abs(mpmath.mpf(v))) for n, v in given.items()}
        for item in setting.host:
            value = sized(item.expression, values, relative).value
            values[item.target] = Sized(value, abs(value))
        for item in setting.alone:
            values[item.target] = sized(item.expression, values, relative)
        return {name: values[setting.kept.get(name, name)] for name in _results(setting)}
