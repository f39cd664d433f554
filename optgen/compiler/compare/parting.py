"""Where two rules part: both are run in float64 until they make different things of a parameter."""

from __future__ import annotations

from collections.abc import Sequence

from optgen.compiler.compare.straight import Straight
from optgen.compiler.nouns.comparison import Comparison
from optgen.compiler.nouns.rule import CALL, GRAD, PARAM, STEP
from optgen.compiler.nouns.value import evaluate

_GRADIENTS = (2.0, -1.0, 0.5, 3.0, -0.25, 1.5, -2.5, 0.75)
#: Small ones show small numbers that are there for safety.
RUNS = (_GRADIENTS, tuple(1e-6 * gradient for gradient in _GRADIENTS))
#: What a parameter begins with; a difference that rounding in float64 doesn't make there, and one
#: that it doesn't make on the way from there.
START, ROUNDING, MARGIN = 1.0, 1e-14, 1e-9


def parting(left: Straight, right: Straight) -> Comparison | None:
    """The first step at which the two differ; None if they never do in these runs."""
    found = (_in_run(left, right, gradients) for gradients in RUNS)
    return next((comparison for comparison in found if comparison is not None), None)


def _in_run(left: Straight, right: Straight, gradients: Sequence[float]) -> Comparison | None:
    runs = [_Run(rule) for rule in (left, right)]
    for number, gradient in enumerate(gradients, start=1):
        try:
            mine, theirs = (run.step(gradient, number) for run in runs)
        except (ArithmeticError, ValueError, KeyError, TypeError):
            return None
        way = max(abs(mine - START), abs(theirs - START))
        if abs(mine - theirs) > MARGIN * way + ROUNDING:
            given = tuple(gradients[:number])
            return Comparison(False, step=number, gradients=given, parameters=(mine, theirs))
    return None


class _Run:
    """A rule that is run in float64, from START."""

    def __init__(self, rule: Straight) -> None:
        self._rule = rule
        self._values: dict[str, float] = {**rule.defaults, PARAM: START}
        for name, start in rule.starts.items():
            self._values[name] = float(evaluate(start, self._values))

    def step(self, gradient: float, number: int) -> float:
        """The parameter after one more step."""
        self._values |= {GRAD: gradient, STEP: float(number), CALL: float(number)}
        for step in self._rule.steps:
            self._values[step.target] = float(evaluate(step.expression, self._values))
        return self._values[PARAM]
