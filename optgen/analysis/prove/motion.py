"""Whether a rule moves the parameter, and continues to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optgen.analysis.prove.battery import Battery
from optgen.analysis.prove.observation import observation, trajectory
from optgen.compiler.ir.proof import Finding
from optgen.compiler.ir.rule import GRAD

#: Ranges of steps whose lengths are compared, and the least exponent of these lengths in the number
#: of steps. Sums of squares shorten steps by a root, counters by a quotient.
_SOON, _LATE, _LEAST = slice(44, 50), slice(134, 140), -1.2
#: Gradients are random, then 0, and then random again, from these steps on. Averages that decayed
#: during the rest lengthen the steps after it by less than this factor.
_BUSY, _AGAIN, _LONGER = 30, 130, 10.0


def motion(battery: Battery) -> Iterator[Finding]:
    """Findings about motion under constant and under random gradients."""
    yield _moves(battery)
    yield from _rests(battery)
    yield from _lasts(battery)


def _moves(battery: Battery) -> Finding:
    path = battery.constant.parameters[:, 0]
    return observation(
        battery,
        "a constant gradient moves the parameter",
        np.any(path != path[0]),
        f"{len(path) - 1} steps with a gradient of 1 were made",
        {GRAD: 1.0, **trajectory(path[:, 0])},
        fault="a constant gradient leaves the parameter where it is",
    )


def _rests(battery: Battery) -> Iterator[Finding]:
    """Random gradients keep the parameter finite, and a rest doesn't change the step length."""
    draws = np.random.default_rng(3).normal(size=(_AGAIN + _BUSY, 1, battery.start.size))
    draws[_BUSY:_AGAIN] = 0
    path = battery.run(battery.start, lambda _, n: draws[n], len(draws))
    finite = np.isfinite(path.parameters[:, 0]).all(axis=1)
    numbers = trajectory(path.parameters[:, 0, 0])
    yield observation(
        battery,
        "random gradients keep the parameter finite",
        finite.all(),
        f"in {len(draws)} steps, {_AGAIN - _BUSY} of them with a gradient of 0",
        numbers,
        fault="random gradients make the parameter NaN or infinite",
    )
    steps = np.abs(path.steps[:, 0]).mean(axis=1)
    before, after = float(steps[:_BUSY].max()), float(steps[_AGAIN:].max())
    if finite.all() and before > 0:
        yield observation(
            battery,
            "after a rest at a gradient of 0, steps are about as long as before it",
            after <= _LONGER * before,
            f"{_AGAIN - _BUSY} steps later they are {after / before:.2g} times as long",
            {"longest step before": before, "longest step after": after},
            fault=f"steps are {after / before:.2g} times as long after a rest at a gradient of 0",
        )


def _lasts(battery: Battery) -> Iterator[Finding]:
    """Steps under a constant gradient don't decay faster than the inverse of a counter."""
    steps = np.abs(battery.constant.steps[:, 0]).mean(axis=1)
    soon, late = (float(steps[part].mean()) for part in (_SOON, _LATE))
    if not (np.isfinite(late) and soon > 0):
        soon, late = float(steps[0]), float(steps[_SOON].mean())
    if not (np.isfinite(late) and soon > 0):
        return
    power = float(np.log(late / soon) / np.log(_LATE.start / _SOON.start))
    numbers = trajectory(steps, "step")
    yield observation(
        battery,
        "a constant gradient makes steps that don't die away",
        power >= _LEAST,
        f"steps change like their number to the power of {power:.2g}",
        {GRAD: 1.0, **numbers},
        fault="steps die away under a constant gradient",
    )
