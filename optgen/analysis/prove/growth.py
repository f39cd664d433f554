"""Unbounded growth of steps: with the counter, or under alternating gradients."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optgen.analysis.prove.battery import ELEMENTS, START, Battery
from optgen.analysis.prove.observation import observation, trajectory
from optgen.analysis.prove.trajectories import Runs
from optgen.compiler.ir.proof import Finding
from optgen.compiler.ir.rule import GRAD, PARAM

#: Numbers of a step, after a few steps that are counted from 1, and the most by which a step may
#: follow them. Corrections for the start come to an end, and schedules grow like a root.
_WARM, _NUMBERS, _MOST = 20, (1_000, 10_000), 0.8
#: Steps over which lengths under a gradient that alternates are compared, and the most by which
#: they may follow the number of steps.
_SOON, _LATE, _MOST_IN_TURN = slice(40, 50), slice(140, 150), 3.0


def growth(battery: Battery) -> Iterator[Finding]:
    """Findings about steps that grow."""
    yield from _counted(battery)
    yield from _in_turn(battery)


def _counted(battery: Battery) -> Iterator[Finding]:
    """The same step with another number isn't longer in proportion to it."""
    lengths = [_length(battery, number) for number in _NUMBERS]
    power = _power(lengths, _NUMBERS[1] / _NUMBERS[0])
    if power is not None:
        yield observation(
            battery,
            "a step doesn't follow its number",
            power < _MOST,
            f"steps grow like their number to the power of {power:.2g}",
            {f"step as number {n}": step for n, step in zip(_NUMBERS, lengths, strict=True)},
            fault=f"steps grow like their number to the power of {power:.2g}",
        )


def _length(battery: Battery, number: int) -> float:
    """How long a step is that has such a number, after a few with the first ones."""
    runs = Runs(battery.variant, battery.hyperparameters, START)
    before = START
    for gradient in np.random.default_rng(3).normal(size=(_WARM + 1, 1, START.size)):
        before = runs.values[PARAM]
        if runs.number == _WARM:
            runs.number = number - 1
        runs.arrive(gradient)
        runs.step()
    return float(np.abs(runs.values[PARAM] - before).mean())


def _in_turn(battery: Battery) -> Iterator[Finding]:
    """Gradients that alternate make no steps that grow exponentially."""
    path = battery.run(START, lambda _, n: ELEMENTS * (1 - 2 * (n % 2)), _LATE.stop)
    steps = np.abs(path.steps[:, 0]).mean(axis=1)
    power = _power([float(steps[part].mean()) for part in (_SOON, _LATE)], 3.0)
    if power is not None:
        yield observation(
            battery,
            "a gradient that alternates makes steps that stay about as long",
            power < _MOST_IN_TURN,
            f"steps grow like their number to the power of {power:.2g}",
            {GRAD: 1.0, **trajectory(steps, "step")},
            fault="steps grow exponentially under a gradient that alternates",
        )


def _power(lengths: list[float], ratio: float) -> float | None:
    """The power of something that grew by a ratio; None where there are no lengths to compare."""
    first, last = lengths
    if not (first > 0 and last > 0 and np.isfinite(first + last)):
        return None
    return float(np.log(last / first) / np.log(ratio))
