"""Bounds of the error of a step whose gradient and states were stored, proved for all inputs.

A rounding to a format counts as many roundings of float32 as have its unit roundoff. States in
blocks are rounded relative to the largest of a block, so a small one has no such count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from optgen.analysis.measure.error_bounds import analyse
from optgen.analysis.measure.rounding_analysis import SINGLE, Count
from optgen.analysis.measure.settings import Setting
from optgen.analysis.measure.storage.invariants import compared
from optgen.compiler.ir.accuracy import STEP_RESULT
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.formats import FLOAT32, FLOATS, Floating
from optgen.compiler.ir.rule import GRAD, Rule
from optgen.compiler.ir.storage import Stored


@dataclass(frozen=True)
class StepError:
    """The largest relative error of a step; None if there is no bound, and why."""

    setting: str
    error: Fraction | None
    #: Whether it is relative to the sum of the terms' magnitudes.
    cancels: bool = False
    why: str = ""


def step_error(rule: Rule, setting: Setting, stored: Stored) -> StepError:
    """The bound of one setting of the switches."""
    found = analyse(rule, setting, dict(_loaded(setting, stored))).counts[STEP_RESULT]
    if isinstance(found, str):
        return StepError(setting.label, None, why=found)
    total = found.roundings * SINGLE
    if total >= 1:
        return StepError(setting.label, None, why="its error may be as large as the step")
    return StepError(setting.label, total / (1 - total), found.cancels)


def _loaded(setting: Setting, stored: Stored) -> Iterator[tuple[str, Count | str]]:
    """The counts of what a step loads."""
    yield GRAD, _count(stored.grad)
    states = FLOATS.get(stored.states)
    for state in setting.states:
        if state.extent is not Extent.ELEMENT:
            continue
        if state.name in compared(setting.states):
            yield state.name, _count(FLOAT32)
        elif states is None:
            yield state.name, f"{stored.states} rounds relative to the largest of a block"
        else:
            yield state.name, _count(states, is_drawn=stored.draws(states))


def _count(found: Floating, *, is_drawn: bool = False) -> Count:
    """The roundings of float32 that one rounding to a format amounts to, and none for float32."""
    if found.unit <= SINGLE:
        return Count(Fraction(0))
    unit = found.unit * (2 if is_drawn else 1)
    # (1 - u)**n is at most 1 - unit, since -log(1 - unit) is at most unit + unit**2.
    return Count(unit * (1 + unit) / SINGLE)
