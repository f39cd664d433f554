"""The original beside the compiled spec: equal steps, or the difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from optgen.tracing.evaluation import evaluated
from optgen.tracing.rehearsal import gradients, variables, wide_numbers
from optgen.tracing.runs import Subject

STEPS = 30
SHAPES = ((3, 4), (5,), (), (2, 3, 2), (1,))
#: What a difference of rounding alone stays below, relative to the way of an element.
TOLERANCE = 1e-12
#: It is more where the original, with values that differ in the last digit, differs more; and
#: where the original rounds to float32.
_OF_CONTROL, _MOST, _NARROW = 10, 1e-9, 1e-6
_BESIDE = 2
#: The parameters after each step.
Array = np.ndarray[Any, Any]
Run = Sequence[Sequence[Array]]


@dataclass(frozen=True)
class Verification:
    """How far runs of the original and of the spec differ."""

    difference: float
    #: What counts as rounding: more where the original itself rounds more.
    tolerance: float
    steps: int
    #: How many sets of hyperparameters were tried.
    settings: int

    @property
    def is_equal(self) -> bool:
        """Whether the difference is that of rounding."""
        return self.difference <= self.tolerance


@wide_numbers()
def verified(subject: Subject, spec_class: Any) -> Verification:
    """Some steps of both, with the defaults and with values beside them."""
    settings = [subject.arguments.defaults, *values_beside(subject)]
    found, control = 0.0, 0.0
    for values in settings:
        theirs = original_run(subject, values)
        found = max(found, apart(_run(spec_class, values), theirs))
        control = max(control, apart(original_run(subject, values, disturbed=True), theirs))
    rounding = _NARROW if subject.narrow else min(_OF_CONTROL * control, _MOST)
    tolerance = TOLERANCE if found <= TOLERANCE else max(TOLERANCE, rounding)
    return Verification(found, tolerance, STEPS, len(settings))


def values_beside(subject: Subject) -> list[dict[str, Any]]:
    """Other values of hyperparameters, for which the code goes the same way."""
    found: list[dict[str, Any]] = []
    defaults = subject.arguments.defaults
    for seed in range(40):
        draw = np.random.default_rng(seed)
        values: dict[str, Any] = {}
        for name, value in defaults.items():
            # Some stay: a condition may need one value.
            factor = 1 + draw.uniform(-0.05, 0.02 if seed < 20 else 0) * (draw.random() > seed / 60)
            values[name] = value if isinstance(value, int) else value * factor
        same = all(
            bool(evaluated(one.condition, values)) is one.outcome
            for one in subject.assumptions.values()
        )
        if same:
            found.append(values)
        if len(found) == _BESIDE:
            break
    return found


def apart(ours: Run, theirs: Run) -> float:
    """The largest difference after any step, relative to how far the element has gone."""
    found, start = 0.0, _start()
    way: list[Array] = [np.zeros_like(one) for one in start]
    before: Sequence[Array] = start
    for mine, other in zip(ours, theirs, strict=True):
        for k, array in enumerate(other):
            way[k] += np.abs(array - before[k])
            scale = np.maximum(way[k], np.finfo(float).eps * 1e3 * np.abs(start[k])) + 1e-300
            with np.errstate(all="ignore"):
                ratio = np.abs(mine[k] - array) / scale
            found = max(found, float(np.max(np.where(np.isnan(ratio), np.inf, ratio), initial=0)))
        before = other
    return found


def _start() -> list[Array]:
    return [one.detach().numpy().copy() for one in variables(7, SHAPES)]


def _run(spec_class: Any, values: Mapping[str, Any]) -> Run:
    """The parameters after each step of the spec."""
    known = {one.name for one in spec_class.hyperparameters}
    optimizer = spec_class(**{name: one for name, one in values.items() if name in known})
    held, after = _start(), []
    for step in range(STEPS):
        optimizer.apply([one.numpy() for one in gradients(step, SHAPES)], held)
        after.append([one.copy() for one in held])
    return after


def original_run(subject: Subject, values: Mapping[str, Any], *, disturbed: bool = False) -> Run:
    """The parameters after each step of the original; disturbed, of values an ulp away."""
    held, after = variables(7, SHAPES), []
    draw = torch.Generator().manual_seed(0)

    def near(value: torch.Tensor) -> torch.Tensor:
        signs = torch.randint(-1, 2, value.shape, generator=draw)
        return value * (1 + signs * 2.0**-52) if disturbed else value

    for variable in held:
        variable.data = near(variable.data)
    optimizer = subject.owner(held, **subject.arguments.with_numbers(values))
    for step in range(STEPS):
        for variable, gradient in zip(held, gradients(step, SHAPES), strict=True):
            variable.grad = near(gradient)
        optimizer.step()
        after.append([one.detach().numpy().copy() for one in held])
    return after
