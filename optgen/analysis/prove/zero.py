"""Rules that branch on the size of the parameter, for a parameter of 0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from optgen.analysis.prove.battery import Battery
from optgen.analysis.prove.observation import observation, trajectory
from optgen.analysis.prove.variant import Variant, replaced
from optgen.compiler.ir.expression import (
    REDUCTIONS,
    Expression,
    Number,
    Operation,
    names,
    walk,
)
from optgen.compiler.ir.proof import Finding
from optgen.compiler.ir.rule import GRAD, PARAM

#: Number of steps from a parameter of 0, and the factor by which they grow without the special
#: case.
_STEPS, _LONGER = 24, 1.5


def at_zero(battery: Battery) -> Iterator[Finding]:
    """Findings about a parameter that starts at 0, if a choice depends on its magnitude."""
    choices = list(_by_size(battery.variant))
    if not choices:
        return
    path = battery.run(0 * battery.start, lambda _, __: battery.elements, _STEPS).parameters
    moves = bool(np.any(path != 0))
    numbers = {GRAD: 1.0, **trajectory(path[:, 0, 0])}
    yield observation(
        battery,
        "a constant gradient moves a parameter of 0",
        moves,
        f"{_STEPS} steps with a gradient of 1 from a parameter of 0 were made",
        numbers,
        fault="a parameter that begins at 0 stays there",
    )
    for choice in choices if moves else ():
        *others, last = choice.operands
        if last == Number(0):
            other = replace(choice, operands=(*others, Number(1)))
            more = _first_step(replace(battery, variant=replaced(battery.variant, choice, other)))
            less = _first_step(battery)
            yield observation(
                battery,
                "a parameter of 0 is moved by all parts of a step",
                more <= _LONGER * less,
                "with a 1 for the 0 of the choice a first step is longer",
                {"first step": less, "first step with a 1": more},
                choice.location,
                fault="a parameter of 0 isn't moved by what this choice is a factor of",
            )


def _first_step(battery: Battery) -> float:
    return float(
        np.abs(battery.run(0 * battery.start, lambda _, __: battery.elements, 1).steps).mean()
    )


def _by_size(variant: Variant) -> Iterator[Operation]:
    """Choices whose condition depends on a reduction of the parameter."""
    sizes: set[str] = set()
    for step in variant.assignments:
        for part in walk(step.expression):
            if isinstance(part, Operation) and part.operator == "where":
                condition = part.operands[0]
                if sizes & {*names(condition)} or _is_size(condition):
                    yield part
        if _is_size(step.expression) or sizes & {*names(step.expression)} - {PARAM}:
            sizes.add(step.target)


def _is_size(expression: Expression) -> bool:
    return any(
        isinstance(part, Operation) and part.operator in REDUCTIONS and PARAM in names(part)
        for part in walk(expression)
    )
