"""Unbounded growth of steps: with the counter, or under alternating gradients."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optgen.analysis.prove.battery import Battery
from optgen.analysis.prove.observation import observation, trajectory
from optgen.analysis.prove.trajectories import Runs
from optgen.compiler.ir.proof import Finding
from optgen.compiler.ir.rule import GRAD, PARAM

#: Number of warm-up steps, counted from 1; two step numbers; and the largest exponent of step
#: length in the step number. Bias corrections converge to 1, and schedules grow like a root.
_WARM, _NUMBERS, _MOST = 20, (1_000, 10_000), 0.8
#: Ranges of steps whose lengths under an alternating gradient are compared, and the largest
#: exponent of these lengths in the step number.
_SOON, _LATE, _MOST_IN_TURN = slice(40, 50), slice(140, 150), 3.0


def growth(battery: Battery) -> Iterator[Finding]:
    """Findings about growing steps."""
    yield from _counted(battery)
    yield from _in_turn(battery)


def _counted(battery: Battery) -> Iterator[Finding]:
    """A step's length grows slower than its number."""
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
    """The length of a step with a given number, after a few initial steps."""
    runs = Runs(battery.variant, battery.hyperparameters, battery.start)
    before = battery.start
    for gradient in np.random.default_rng(3).normal(size=(_WARM + 1, 1, battery.start.size)):
        before = runs.values[PARAM]
        if runs.number == _WARM:
            runs.number = number - 1
        runs.arrive(gradient)
        runs.step()
    return float(np.abs(runs.values[PARAM] - before).mean())


def _in_turn(battery: Battery) -> Iterator[Finding]:
    """Steps don't grow exponentially under an alternating gradient."""
    path = battery.run(battery.start, lambda _, n: battery.elements * (1 - 2 * (n % 2)), _LATE.stop)
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
    """The exponent of a growth over a given ratio; None if there are no comparable lengths."""
    first, last = lengths
    if not (first > 0 and last > 0 and np.isfinite(first + last)):
        return None
    return float(np.log(last / first) / np.log(ratio))
