"""Gradients with large steps, for rules without a bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optgen.analysis.exact.work import spend
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.expression import walk
from optgen.compiler.ir.rule import CALL, GRAD, LEARNING_RATE, PARAM, STEP
from optgen.compiler.ir.value import evaluate

#: A step of this many learning rates counts as one of a rule without a bound.
LARGE = 1000.0
#: Number of expression nodes that are evaluated per unit of work.
_PARTS = 4
#: Gradient sequences in readable notation, with their values.
RUNS: Mapping[str, tuple[float, ...]] = {
    "one gradient of 1e9": (1e9,),
    "2000 gradients of 1": (1.0,) * 2000,
    "60 gradients, each 10 times the last": tuple(10.0**k for k in range(60)),
    "gradients of 1e-9 and then 1": (*(1e-9,) * 20, 1.0),
    "200 gradients of 1 and -1 in turn": (1.0, -1.0) * 100,
}


@dataclass(frozen=True)
class Large:
    """The size of the last step under some gradients, in learning rates."""

    gradients: str
    size: float


def large(variant: Variant, defaults: Mapping[str, float], *, first: bool) -> Large | None:
    """Gradients that make a step large, in a float64 run with a learning rate of 1."""
    for said, gradients in RUNS.items():
        if first and len(gradients) > 1:
            continue
        try:
            size = _last(variant, defaults, gradients)
        except (ArithmeticError, ValueError, KeyError, TypeError):
            continue
        if size > LARGE:
            return Large(said, size)
    return None


def _last(variant: Variant, defaults: Mapping[str, float], gradients: tuple[float, ...]) -> float:
    values: dict[str, float] = {**defaults, LEARNING_RATE: 1.0, PARAM: 0.0}
    for state in variant.states:
        start = state.initial
        values[state.name] = values[start] if isinstance(start, str) else float(start)
    parts = sum(1 for step in variant.assignments for _ in walk(step.expression))
    spend(len(gradients) * parts // _PARTS)
    before = 0.0
    for number, gradient in enumerate(gradients, start=1):
        before = values[PARAM]
        values |= {GRAD: gradient, STEP: float(number), CALL: float(number)}
        for step in variant.assignments:
            values[step.target] = float(evaluate(step.expression, values))
    return abs(values[PARAM] - before)
