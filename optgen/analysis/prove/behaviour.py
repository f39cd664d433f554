"""What a rule does in runs: observed, not proved, and only ever a warning.

Each property is one that published rules have, whatever they are made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from optgen.analysis.exact.interval import ONE, ZERO, Interval
from optgen.analysis.prove.battery import (
    AFTER,
    CURVATURES,
    ELEMENTS,
    NOISY,
    PARAMETERS,
    RATES,
    SIZES,
    START,
    Battery,
)
from optgen.analysis.prove.float32 import Array
from optgen.analysis.prove.sampling import Search
from optgen.analysis.prove.variant import Variant, last_location
from optgen.compiler.ir.expression import Expression, Name, Operation, rewrite, walk
from optgen.compiler.ir.problem import Location
from optgen.compiler.ir.proof import Finding, Group, Verdict
from optgen.compiler.ir.rule import GRAD, PARAM, STEP

#: Longer rules aren't run.
MOST_PARTS = 600
#: Powers that steps may grow by. Rules that add squares of several units come below 0, and those
#: that forget slowly above 1.
_LEAST, _MOST = -0.5, 1.1
#: Steps are compared once averages have begun, and before parameters have moved far.
_EARLY = slice(4, 24)
#: Steps of a run with another correction; and what is alike.
_CORRECTED, _ALIKE, _DIFFERENT = 50, 1e-6, 0.05


def behaviours(variant: Variant, search: Search) -> Iterator[Finding]:
    """Findings about the runs of one variant."""
    if sum(1 for step in variant.assignments for _ in walk(step.expression)) > MOST_PARTS:
        return
    with suppress(KeyError, IndexError):  # Not all can be run without what a user sets.
        battery = Battery(variant, search)
        with np.errstate(all="ignore"):
            yield _moves(battery)
            yield from _downhill(battery)
            yield _descends(battery)
            yield _turns(battery)
            yield from _scales(battery)
            yield _mirrors(battery)
            yield from _idle(battery)
            yield from _corrections(battery)


def _finding(
    battery: Battery,
    statement: str,
    holds: Any,
    reason: str,
    numbers: Mapping[str, float],
    location: Location | None = None,
    *,
    fault: str = "",
) -> Finding:
    verdict = Verdict.PROVED if holds else Verdict.REFUTED
    variant = battery.variant
    where = location or last_location(variant)
    return Finding(
        Group.BEHAVIOUR,
        statement,
        verdict,
        where,
        variant.label,
        reason,
        numbers,
        fault=f"in runs {fault}",
    )


def _trajectory(parameters: Array) -> dict[str, float]:
    """Parameters after some steps, of one element."""
    shown = sorted({0, 1, 2, 5, 10, 20, 50, 100, len(parameters) - 1})
    return {f"{PARAM} {n}": float(parameters[n]) for n in shown if n < len(parameters)}


def _moves(battery: Battery) -> Finding:
    path = battery.constant.parameters[:, 0]
    holds = np.any(path != path[0])
    statement = "a constant gradient moves the parameter"
    reason = f"{len(path) - 1} steps with a gradient of 1 were made"
    return _finding(
        battery,
        statement,
        holds,
        reason,
        {GRAD: 1.0, **_trajectory(path[:, 0])},
        fault="a constant gradient leaves the parameter where it is",
    )


def _downhill(battery: Battery) -> Iterator[Finding]:
    """Constant gradients of each size are followed downhill, once the rule has begun."""
    every = battery.constant.parameters
    path, at_rest = every[:, : len(SIZES)], every[-1, -1] - every[5, -1]
    gradients = np.concatenate([size * ELEMENTS for size in SIZES])
    # What a rule does without a gradient, as a decay, isn't the gradient's doing.
    moved = path[-1] - path[5] - at_rest
    wrong = moved * np.sign(gradients) > 1e-12 * np.abs(path[-1])
    statement = "a constant gradient is followed downhill"
    if not wrong.any():
        yield _finding(battery, statement, True, f"for gradients from {min(SIZES)} to 100", {})
        return
    run, element = (int(part[0]) for part in np.nonzero(wrong))
    gradient = float(gradients[run, element])
    reason = f"a gradient of {gradient:g} moves the parameter the same way"
    numbers = {GRAD: gradient, **_trajectory(path[:, run, element])}
    yield _finding(
        battery,
        statement,
        False,
        reason,
        numbers,
        fault="the parameter moves uphill under a constant gradient",
    )


def _descends(battery: Battery) -> Finding:
    """With some learning rate, be it tiny, a quadratic loss falls."""
    path = battery.quadratic.parameters
    losses = (CURVATURES * path**2).sum(axis=2)
    falls = losses[-1] < losses[0]
    statement = "a quadratic loss falls with some learning rate"
    least = int(np.argmin(RATES))
    reason = f"with {RATES[least]:g} to {max(RATES):g} times the default learning rate"
    numbers = {k.replace(PARAM, "loss"): v for k, v in _trajectory(losses[:, least]).items()}
    return _finding(
        battery,
        statement,
        falls.any(),
        reason,
        numbers,
        fault="no learning rate lowers a quadratic loss",
    )


def _turns(battery: Battery) -> Finding:
    """Once the gradient has turned around, so do the steps."""
    path = battery.turned.parameters[:, 0]
    late = path[-1] - path[-1 - AFTER // 4]
    wrong = late * ELEMENTS[0] < -1e-12 * np.abs(path[-1])
    statement = "once the gradient turns around, so do the steps"
    reason = f"within {AFTER} steps of a gradient that turned around"
    return _finding(
        battery,
        statement,
        not wrong.any(),
        reason,
        _trajectory(path[:, 0]),
        fault="steps go the old way long after the gradient has turned around",
    )


def _scales(battery: Battery) -> Iterator[Finding]:
    """Steps grow with the gradient, and with the parameter, by a power from 0 to 1."""
    sizes = np.abs(battery.constant.steps[_EARLY]).mean(axis=(0, 2))
    gradients = {SIZES[k]: float(sizes[k]) for k in range(3)}
    parameters = {size: float(sizes[len(SIZES) + k]) for k, size in enumerate(PARAMETERS)}
    for what, found in (("gradient", gradients), ("parameter", parameters)):
        yield from _power(battery, what, found)


def _power(battery: Battery, what: str, found: Mapping[float, float]) -> Iterator[Finding]:
    small, large = min(found), max(found)
    if not all(np.isfinite(size) and size > 0 for size in found.values()):
        return
    power = float(np.log(found[large] / found[small]) / np.log(large / small))
    statement = f"a larger {what} makes no much smaller steps, and at most as much larger ones"
    reason = f"steps grow like the {what} to the power of {power:.2g}"
    holds = _LEAST <= power <= _MOST
    numbers = {f"step for {what} {size:g}": step for size, step in found.items()}
    wrong = "much smaller steps" if power < _LEAST else "steps that grow faster than it"
    fault = f"a larger {what} makes {wrong}"
    yield _finding(battery, statement, holds, reason, numbers, fault=fault)


def _mirrors(battery: Battery) -> Finding:
    """Turning the signs of all gradients, and of the parameter, turns the path around."""
    path = battery.noise.parameters
    one, other = path[:, 0], path[:, 1]
    size = np.abs(one).max()
    differs = ~(np.abs(one + other) <= 1e-6 * size) & np.isfinite(one) & np.isfinite(other)
    statement = "a path with all signs turned around is the same path turned around"
    reason = f"in {NOISY} steps with random gradients"
    numbers: dict[str, float] = {}
    if differs.any():
        element = int(np.nonzero(differs)[1][0])
        numbers = _trajectory(one[:, element])
        numbers |= {f"mirrored {k}": v for k, v in _trajectory(other[:, element]).items()}
    return _finding(
        battery,
        statement,
        not differs.any(),
        reason,
        numbers,
        fault="turning all signs around gives another path",
    )


def _idle(battery: Battery) -> Iterator[Finding]:
    """States that no run changes."""
    paths = (battery.constant, battery.quadratic, battery.turned, battery.noise)
    moved = frozenset().union(*(path.moved for path in paths))
    for state in battery.variant.states:
        if state.name in battery.variant.values:
            statement = f"the state {state.name} changes in some run"
            reason = "in runs with constant, turning and random gradients, and on a quadratic"
            yield _finding(
                battery,
                statement,
                state.name in moved,
                reason,
                {},
                state.location,
                fault=f"the state {state.name} never changes",
            )


def _corrections(battery: Battery) -> Iterator[Finding]:
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
    unit = Interval(ZERO, ONE, False, False)
    known = variant.known
    decays = sorted(n for n in battery.hyperparameters if known[n].meet(unit) == known[n])
    for location, part in found.items():
        assert isinstance(part, Operation)
        for name in decays:
            if part.operands[0] == Name(name):
                continue
            other = Operation("**", (Name(name), part.operands[1]), location)
            if _unevenness(replace(battery, variant=_replaced(variant, part, other))) < _ALIKE:
                base = part.operands[0]
                shown = base.id if isinstance(base, Name) else "it"
                statement = f"the correction for the start with {shown} fits"
                reason = f"with {name} in its place a constant gradient makes all steps alike"
                yield _finding(
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
