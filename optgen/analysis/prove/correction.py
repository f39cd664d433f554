"""Bias corrections whose decay differs from that of the corrected state, observed in runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from optgen.analysis.prove.battery import ELEMENTS, START, Battery
from optgen.analysis.prove.observation import observation
from optgen.analysis.prove.variant import replaced
from optgen.compiler.ir.expression import (
    Expression,
    Name,
    Number,
    Operation,
    text,
    walk,
)
from optgen.compiler.ir.problem import Location
from optgen.compiler.ir.proof import Finding
from optgen.compiler.ir.rule import STEP

#: Steps of a run with another correction; and what is alike.
_CORRECTED, _ALIKE, _DIFFERENT = 50, 1e-6, 0.05


def corrections(battery: Battery) -> Iterator[Finding]:
    """Corrections with which, were they others, a constant gradient would make steps alike."""
    variant = battery.variant
    parts = [part for step in variant.assignments for part in walk(step.expression)]
    powers = {part.location: part for part in parts if _is_power(part)}
    if not powers or _unevenness(battery) < _DIFFERENT:
        return
    for location, power in powers.items():
        yield from _of_another(battery, power, location)
    for part in parts:
        if isinstance(part, Operation) and part.operator in "*/" and _corrects(part.operands[1]):
            yield from _upside_down(battery, part)


def _of_another(battery: Battery, power: Expression, location: Location) -> Iterator[Finding]:
    """A correction that would fit with another decay."""
    assert isinstance(power, Operation)
    base, number = power.operands
    shown = base.id if isinstance(base, Name) else "it"
    for name in battery.decays:
        if base != Name(name) and _fits(battery, power, Operation("**", (Name(name), number))):
            yield observation(
                battery,
                f"the correction for the start with {shown} fits",
                False,
                f"with {name} in its place a constant gradient makes all steps alike",
                {},
                location,
                fault=f"the correction for the start with {shown} is that of another decay",
            )


def _upside_down(battery: Battery, part: Operation) -> Iterator[Finding]:
    """A correction that multiplies where it would fit if it divided, or the other way round."""
    other = "/" if part.operator == "*" else "*"
    if _fits(battery, part, Operation(other, part.operands)):
        shown = text(part.operands[1])
        yield observation(
            battery,
            f"the correction for the start with {shown} is the right way up",
            False,
            f"with a {other} before {shown} a constant gradient makes all steps alike",
            {},
            part.location,
            fault=f"the correction for the start with {shown} is upside down",
        )


def _corrects(part: Expression) -> bool:
    """Whether it is 1 less such a power, or a root of that."""
    match part:
        case Operation("sqrt", (inner,)):
            return _corrects(inner)
        case Operation("-", (Number(1), power)):
            return _is_power(power)
    return False


def _fits(battery: Battery, old: Expression, new: Operation) -> bool:
    """Whether steps under a constant gradient are alike with something else in a place."""
    placed = replace(new, location=old.location)
    other = replace(battery, variant=replaced(battery.variant, old, placed))
    return _unevenness(other) < _ALIKE


def _is_power(part: Expression) -> bool:
    return (
        isinstance(part, Operation)
        and part.operator == "**"
        and isinstance(part.operands[0], Name)
        and part.operands[1] == Name(STEP)
    )


def _unevenness(battery: Battery) -> float:
    """How much the logarithms of steps with a constant gradient differ; 0 for equal ones."""
    path = battery.run(START, lambda _, __: ELEMENTS, _CORRECTED)
    sizes = np.abs(path.steps[:, 0, 0])
    if not np.all(np.isfinite(sizes) & (sizes > 0)):
        return float("inf")
    # Small numbers that are there for safety make no difference.
    return max(0.0, float(np.ptp(np.log(sizes))) - 1e-4)
