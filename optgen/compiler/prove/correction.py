"""Whether corrections for the start have the decays of what they correct, by runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from optgen.compiler.nouns.expression import Expression, Name, Operation, rewrite, walk
from optgen.compiler.nouns.proof import Finding
from optgen.compiler.nouns.rule import STEP
from optgen.compiler.prove.battery import ELEMENTS, START, Battery
from optgen.compiler.prove.observation import observation
from optgen.compiler.prove.variant import Variant

#: Steps of a run with another correction; and what is alike.
_CORRECTED, _ALIKE, _DIFFERENT = 50, 1e-6, 0.05


def corrections(battery: Battery) -> Iterator[Finding]:
    """A correction with another decay would make steps alike that aren't."""
    variant = battery.variant
    found = {
        part.location: part
        for step in variant.assignments
        for part in walk(step.expression)
        if _is_power(part)
    }
    if not found or _unevenness(battery) < _DIFFERENT:
        return
    for location, part in found.items():
        assert isinstance(part, Operation)
        for name in battery.decays:
            if part.operands[0] == Name(name):
                continue
            other = Operation("**", (Name(name), part.operands[1]), location)
            if _unevenness(replace(battery, variant=_replaced(variant, part, other))) < _ALIKE:
                base = part.operands[0]
                shown = base.id if isinstance(base, Name) else "it"
                statement = f"the correction for the start with {shown} fits"
                reason = f"with {name} in its place a constant gradient makes all steps alike"
                yield observation(
                    battery,
                    statement,
                    False,
                    reason,
                    {},
                    location,
                    fault=f"the correction for the start with {shown} is that of another decay",
                )


def _is_power(part: Expression) -> bool:
    return (
        isinstance(part, Operation)
        and part.operator == "**"
        and isinstance(part.operands[0], Name)
        and part.operands[1] == Name(STEP)
    )


def _replaced(variant: Variant, old: Expression, new: Expression) -> Variant:
    def change(part: Expression) -> Expression | None:
        return new if part == old and part.location == old.location else None

    steps = tuple(
        replace(step, expression=rewrite(step.expression, change)) for step in variant.assignments
    )
    return replace(variant, assignments=steps)


def _unevenness(battery: Battery) -> float:
    """How much the logarithms of steps with a constant gradient differ; 0 for equal ones."""
    path = battery.run(START, lambda _, __: ELEMENTS, _CORRECTED)
    sizes = np.abs(path.steps[:, 0, 0])
    if not np.all(np.isfinite(sizes) & (sizes > 0)):
        return float("inf")
    # Small numbers that are there for safety make no difference.
    return max(0.0, float(np.ptp(np.log(sizes))) - 1e-4)
