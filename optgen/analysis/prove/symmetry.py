"""Symmetries of paths: signs, and the direction of the gradient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optgen.analysis.prove.battery import NOISY, Battery
from optgen.analysis.prove.observation import observation, trajectory
from optgen.compiler.ir.proof import Finding

#: A parameter, and a direction orthogonal to it; both have mean 0. Their sum has elements of one
#: magnitude and elements of 0.
_ALONG = np.array([[1.0, -1.0, 1.0, -1.0]])
_ACROSS = np.array([[1.0, -1.0, -1.0, 1.0]])
#: The largest amplification of the gradient's component along the parameter.
_MORE = 1.5


def symmetries(battery: Battery) -> Iterator[Finding]:
    """Findings about mirrored runs."""
    yield _mirrors(battery)
    yield from _favours(battery)


def _mirrors(battery: Battery) -> Finding:
    """Flipping the signs of all gradients and of the parameter mirrors the trajectory."""
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
    """A projection may remove the gradient's component along the parameter; none doubles it."""
    gradients = np.concatenate([_ALONG + _ACROSS, -_ALONG - _ACROSS])
    steps = battery.run(np.repeat(_ALONG, 2, axis=0), lambda _, __: gradients, 3).steps
    # Subtract the part that is even in the gradient, such as a decay.
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
