"""Convergence on a quadratic loss."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optgen.analysis.prove.battery import RATES, Battery
from optgen.analysis.prove.observation import observation, trajectory
from optgen.compiler.ir.proof import Finding

#: A parameter within the first distance of the minimum has arrived. If its distance then exceeds
#: the second one, it hasn't come to rest. Both are fractions of the initial distance.
_NEAR, _FAR = 0.1, 0.7
#: An oscillation to the other side takes as long as the approach to the minimum; this allows more.
_TIME = 2.5


def convergence(battery: Battery) -> Iterator[Finding]:
    """Findings about convergence on a quadratic loss."""
    yield _falls(battery)
    yield from _rests(battery)


def _falls(battery: Battery) -> Finding:
    """A quadratic loss decreases for some learning rate, however small."""
    path = battery.quadratic.parameters
    losses = (battery.curvatures * path**2).sum(axis=2)
    falls = losses[-1] < losses[0]
    least = int(np.argmin(RATES))
    return observation(
        battery,
        "a quadratic loss falls with some learning rate",
        falls.any(),
        f"with {RATES[least]:g} to {max(RATES):g} times the default learning rate",
        trajectory(losses[:, least], "loss"),
        fault="no learning rate lowers a quadratic loss",
    )


def _rests(battery: Battery) -> Iterator[Finding]:
    """For some learning rate, a parameter that reaches the minimum doesn't overshoot as far."""
    paths = battery.quadratic.parameters * np.sign(battery.start)
    there = np.cumsum(paths < _NEAR, axis=0) > 0
    swings = np.where(there, np.abs(paths), 0).max(axis=0)
    soon = there[int(len(paths) / _TIME)]
    arrived = np.argwhere(soon)
    if soon.any(axis=1).sum() < 2:
        return
    # Every rule oscillates at too large learning rates; the smallest that arrive don't.
    least = min(arrived, key=lambda place: float(RATES[place[0]] * battery.curvatures[0, place[1]]))
    run, element = int(least[0]), int(least[1])
    numbers = trajectory(battery.quadratic.parameters[:, run, element])
    yield observation(
        battery,
        "a parameter that reaches a minimum comes to rest with some learning rate",
        not bool(np.all(swings[soon] > _FAR)),
        f"down a quadratic loss with {RATES[run]:g} times the default learning rate",
        numbers,
        fault="a parameter swings far past a minimum with every learning rate that reaches it",
    )
