"""The original beside the compiled spec: equal steps, or the difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from optgen.tracing.arguments import Arguments
from optgen.tracing.evaluation import evaluated
from optgen.tracing.rehearsal import gradients, variables, wide_numbers
from optgen.tracing.runs import Subject

STEPS = 30
SHAPES = ((3, 4), (5,), (), (2, 3, 2), (1,))
#: What a difference of rounding alone stays below, relative to the way of an element.
TOLERANCE = 1e-12
_BESIDE = 2


@dataclass(frozen=True)
class Verification:
    """How far runs of the original and of the spec differ."""

    difference: float
    steps: int
    #: How many sets of hyperparameters were tried.
    settings: int

    @property
    def is_equal(self) -> bool:
        """Whether the difference is that of rounding."""
        return self.difference <= TOLERANCE


@wide_numbers()
def verified(subject: Subject, spec_class: Any) -> Verification:
    """Ten steps of both, with the defaults and with values beside them."""
    settings = [subject.arguments.defaults, *values_beside(subject)]
    found = [_difference(subject, spec_class, values) for values in settings]
    return Verification(float(np.max(found)), STEPS, len(settings))


def values_beside(subject: Subject) -> list[dict[str, Any]]:
    """Other values of hyperparameters, for which the code goes the same way."""
    found: list[dict[str, Any]] = []
    defaults = subject.arguments.defaults
    for seed in range(40):
        draw = np.random.default_rng(seed)
        values: dict[str, Any] = {
            name: value if isinstance(value, int) else value * (1 + draw.uniform(-0.05, 0.02))
            for name, value in defaults.items()
        }
        same = all(
            bool(evaluated(one.condition, values)) is one.outcome
            for one in subject.assumptions.values()
        )
        if same:
            found.append(values)
        if len(found) == _BESIDE:
            break
    return found


def _difference(subject: Subject, spec_class: Any, values: Mapping[str, Any]) -> float:
    """The largest difference after any step, relative to how far the element has gone."""
    theirs = original_run(subject.owner, subject.arguments, values)
    start = [one.detach().numpy().copy() for one in variables(7, SHAPES)]
    held = [array.copy() for array in start]
    optimizer = spec_class(**_used(spec_class, values))
    found, way = 0.0, [np.zeros_like(one) for one in held]
    before = [one.copy() for one in held]
    for step in range(STEPS):
        optimizer.apply([one.numpy() for one in gradients(step, SHAPES)], held)
        for k, (mine, other) in enumerate(zip(held, theirs[step], strict=True)):
            way[k] += np.abs(other - before[k])
            scale = np.maximum(way[k], np.finfo(float).eps * 1e3 * np.abs(start[k])) + 1e-300
            with np.errstate(all="ignore"):
                apart = np.abs(mine - other) / scale
            found = max(found, float(np.max(np.where(np.isnan(apart), np.inf, apart), initial=0)))
        before = [one.copy() for one in theirs[step]]
    return found


def _used(spec_class: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    known = {one.name for one in spec_class.hyperparameters}
    return {name: value for name, value in values.items() if name in known}


def original_run(
    owner: type, arguments: Arguments, values: Mapping[str, Any]
) -> Sequence[Sequence[Any]]:
    """The parameters after each step of the original."""
    held = variables(7, SHAPES)
    optimizer = owner(held, **arguments.with_numbers(values))
    after = []
    for step in range(STEPS):
        for variable, gradient in zip(held, gradients(step, SHAPES), strict=True):
            variable.grad = gradient
        optimizer.step()
        after.append([one.detach().numpy().copy() for one in held])
    return after
