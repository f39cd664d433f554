"""Measure: Plan → Accuracy. How far from 50 digits a rule is as written, and as planned.

Only rewrites for which the plan isn't worse are worth their while; that both mean the same is
shown by exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import mpmath

from optgen.compiler.exact.digits import DIGITS, precise
from optgen.compiler.measure.ieee import (
    NO_VALUE,
    Numbers,
    error_in_ulps,
    in_float32,
    in_float64,
    is_finite,
    to_float32,
)
from optgen.compiler.measure.inputs import CANCELLING, Run, runs
from optgen.compiler.measure.rewrites import rewrites
from optgen.compiler.measure.same import mean_the_same
from optgen.compiler.measure.settings import Setting, settings
from optgen.compiler.nouns.accuracy import Accuracy
from optgen.compiler.nouns.expression import walk
from optgen.compiler.nouns.plan import Plan
from optgen.compiler.nouns.rule import CALL, GRAD, PARAM, STEP

#: Parts of expressions in all settings; more take seconds.
MOST_PARTS = 1500


def measure(plan: Plan) -> Accuracy:
    """The accuracy of an optimizer's own update, over its settings; all features are off."""
    found = _Worst()
    every = list(settings(plan))
    parts = sum(1 for s in every for step in s.steps for _ in walk(step.expression))
    if parts > MOST_PARTS:
        return Accuracy()
    for setting in every:
        for run in runs():
            found.take(setting, run)
    return Accuracy(
        rewrites(every),
        found.written,
        found.planned,
        bool(every) and all(map(mean_the_same, every)),
        CANCELLING,
    )


@dataclass
class _Worst:
    """The worst errors so far, by the kind of inputs."""

    written: dict[str, float] = field(default_factory=dict)
    planned: dict[str, float] = field(default_factory=dict)

    def take(self, setting: Setting, run: Run) -> None:
        """Measure a run of one setting; one that leaves the numbers ends there."""
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
            except NO_VALUE:
                return
            if not all(map(is_finite, planned.values())):
                return
            states = {name: value for name, value in planned.items() if name != PARAM}

    def _compare(self, setting: Setting, kind: str, given: Numbers, planned: Numbers) -> None:
        exact = _exact(setting, given)
        for errors, values in (
            (self.written, written_step(setting, given)),
            (self.planned, planned),
        ):
            for name, value in values.items():
                error = error_in_ulps(value, exact[name])
                errors[kind] = max(errors.get(kind, 0.0), error)


def start(setting: Setting) -> dict[str, float]:
    """What states hold before the first step."""
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
    """What a step makes of states and parameter, operation by operation in float32."""
    values = dict(given)
    for step in setting.steps:
        values[step.target] = in_float32(step.expression, values)
    return {name: values[name] for name in _results(setting)}


def planned_step(setting: Setting, given: Numbers) -> dict[str, float]:
    """The same as planned: what is known to the host in float64, and rounded once."""
    values = dict(given)
    for item in setting.host:
        values[item.target] = in_float64(item.expression, values)
    for item in setting.body:
        values[item.target] = in_float32(item.expression, values)
    return {name: values[name] for name in _results(setting)}


def _exact(setting: Setting, given: Numbers) -> dict[str, mpmath.mpf]:
    """The same with 50 digits, from the same numbers."""
    with mpmath.workdps(DIGITS):
        values = {name: mpmath.mpf(value) for name, value in given.items()}
        for step in setting.steps:
            values[step.target] = precise(step.expression, values)
        return {name: values[name] for name in _results(setting)}
