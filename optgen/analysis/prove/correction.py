"""Bias corrections whose decay differs from that of the corrected state, observed in runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from optgen.analysis.prove.battery import Battery
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

#: Number of steps of a run with a changed correction; the largest relative differences that count
#: as equal, and the smallest ones that count as different.
_CORRECTED, _ALIKE, _DIFFERENT = 50, 1e-6, 0.05


def corrections(battery: Battery) -> Iterator[Finding]:
    """Bias corrections whose replacement would make steps equal under a constant gradient."""
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
    """A bias correction that would be exact with another decay rate."""
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
    """A correction that multiplies but should divide, or the reverse."""
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
    """Whether the expression is 1 minus such a power, or the root of that difference."""
    match part:
        case Operation("sqrt", (inner,)):
            return _corrects(inner)
        case Operation("-", (Number(1), power)):
            return _is_power(power)
    return False


def _fits(battery: Battery, old: Expression, new: Operation) -> bool:
    """Whether steps are equal under a constant gradient after one part is replaced."""
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
    """The spread of the logarithms of step lengths under a constant gradient; 0 for equal steps."""
    path = battery.run(battery.start, lambda _, __: battery.elements, _CORRECTED)
    sizes = np.abs(path.steps[:, 0, 0])
    if not np.all(np.isfinite(sizes) & (sizes > 0)):
        return float("inf")
    # Small safety constants must not count as a difference.
    return max(0.0, float(np.ptp(np.log(sizes))) - 1e-4)
