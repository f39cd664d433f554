"""Where two rules part: both are run in float64 until they make different things of a parameter."""

from __future__ import annotations

import math

from optgen.compiler.compare.straight import Straight
from optgen.compiler.nouns.comparison import Comparison
from optgen.compiler.nouns.rule import CALL, GRAD, PARAM, STEP
from optgen.compiler.nouns.value import evaluate

GRADIENTS = (2.0, -1.0, 0.5, 3.0, -0.25, 1.5, -2.5, 0.75)
#: A difference that rounding in float64 doesn't make.
MARGIN = 1e-9


def parting(left: Straight, right: Straight) -> Comparison | None:
    """The first step at which the two differ; None if they never do in these runs."""
    runs = [_Run(rule) for rule in (left, right)]
    for number, gradient in enumerate(GRADIENTS, start=1):
        try:
            found = [run.step(gradient, number) for run in runs]
        except (ArithmeticError, ValueError, KeyError, TypeError):
            return None
        if not math.isclose(*found, rel_tol=MARGIN, abs_tol=1e-15):
            return Comparison(
                False,
                step=number,
                gradients=GRADIENTS[:number],
                parameters=(found[0], found[1]),
            )
    return None


class _Run:
    """A rule that is run in float64, from a parameter of 1."""

    def __init__(self, rule: Straight) -> None:
        self._rule = rule
        self._values: dict[str, float] = {**rule.defaults, PARAM: 1.0}
        for name, start in rule.starts.items():
            self._values[name] = float(evaluate(start, self._values))

    def step(self, gradient: float, number: int) -> float:
        """The parameter after one more step."""
        self._values |= {GRAD: gradient, STEP: float(number), CALL: float(number)}
        for step in self._rule.steps:
            self._values[step.target] = float(evaluate(step.expression, self._values))
        return self._values[PARAM]
