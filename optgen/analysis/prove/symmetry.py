"""Symmetries of paths: signs, and the direction of the gradient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optgen.analysis.prove.battery import NOISY, Battery
from optgen.analysis.prove.observation import observation, trajectory
from optgen.compiler.ir.proof import Finding

#: A parameter, and a direction at right angles to it; both have a mean of 0. Their sum has
#: elements of one size and elements of 0.
_ALONG = np.array([[1.0, -1.0, 1.0, -1.0]])
_ACROSS = np.array([[1.0, -1.0, -1.0, 1.0]])
#: How much more of the part along the parameter a step may have.
_MORE = 1.5


def symmetries(battery: Battery) -> Iterator[Finding]:
    """Findings about runs that mirror each other."""
    yield _mirrors(battery)
    yield from _favours(battery)


def _mirrors(battery: Battery) -> Finding:
    """Turning the signs of all gradients, and of the parameter, turns the path around."""
    path = battery.noise.parameters
    one, other = path[:, 0], path[:, 1]
    size = np.abs(one).max()
    differs = ~(np.abs(one + other) <= 1e-6 * size) & np.isfinite(one) & np.isfinite(other)
    numbers: dict[str, float] = {}
    if differs.any():
        element = int(np.nonzero(differs)[1][0])
        numbers = trajectory(one[:, element]) | trajectory(other[:, element], "mirrored param")
    return observation(
        battery,
        "a path with all signs turned around is the same path turned around",
        not differs.any(),
        f"in {NOISY} steps with random gradients",
        numbers,
        fault="turning all signs around gives another path",
    )


def _favours(battery: Battery) -> Iterator[Finding]:
    """A projection may leave out the part of a gradient along the parameter; none doubles it."""
    gradients = np.concatenate([_ALONG + _ACROSS, -_ALONG - _ACROSS])
    steps = battery.run(np.repeat(_ALONG, 2, axis=0), lambda _, __: gradients, 3).steps
    # What doesn't change its sign with the gradient, as a decay, isn't its doing.
    step = (steps[:, 0] - steps[:, 1]).sum(axis=0) / 2
    along, across = (float(-(step * part).sum() / part.size) for part in (_ALONG, _ACROSS))
    if not np.isfinite(along + across) or along == across == 0:
        return
    yield observation(
        battery,
        "a step has no more of the gradient's part along the parameter than of that across",
        not abs(along) > _MORE * abs(across),
        f"of two equal parts steps make {along:.3g} along and {across:.3g} across",
        {"step along the parameter": along, "step across": across},
        fault="steps favour the part of a gradient that lies along the parameter",
    )
