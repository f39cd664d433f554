"""A finding from runs: observed, not proved, and a warning at most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optgen.analysis.prove.battery import Battery
from optgen.analysis.prove.float32 import Array
from optgen.analysis.prove.variant import last_location
from optgen.compiler.ir.problem import Location
from optgen.compiler.ir.proof import Finding, Group, Verdict
from optgen.compiler.ir.rule import PARAM


def observation(
    battery: Battery,
    statement: str,
    holds: Any,
    reason: str,
    numbers: Mapping[str, float],
    location: Location | None = None,
    *,
    fault: str,
) -> Finding:
    """An observation in the runs of a battery, with the numbers that show it."""
    variant = battery.variant
    return Finding(
        Group.BEHAVIOUR,
        statement,
        Verdict.PROVED if holds else Verdict.REFUTED,
        location or last_location(variant),
        variant.label,
        reason,
        numbers,
        fault=f"in runs {fault}",
    )


def trajectory(parameters: Array, name: str = PARAM) -> dict[str, float]:
    """Values of one element after selected steps."""
    shown = sorted({0, 1, 2, 5, 10, 20, 50, 100, len(parameters) - 1})
    return {f"{name} {n}": float(parameters[n]) for n in shown if n < len(parameters)}
