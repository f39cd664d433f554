"""Changes of a path after a single change in a run of random gradients."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from optgen.analysis.prove.battery import Battery
from optgen.analysis.prove.float32 import Array
from optgen.analysis.prove.observation import observation
from optgen.analysis.prove.safety_constants import small_numbers
from optgen.compiler.ir.proof import Finding

#: Number of random trajectories; the steps at one of which a twin has a flipped gradient; and the
#: number of steps.
_DRAWS, _TURNED, _STEPS = 8, (1, 2, 8, 29), 50
#: The mean of all gradients besides the noise; its own mean over the elements, and over each row
#: of a matrix, is 0.
_DRIFT = np.array([[0.5, -0.5, 0.0, -0.5, 0.5, 0.0]])
#: The largest net share of uphill motion, from -1 (all downhill) to 1 (all uphill).
_MOST = 0.3
#: The factor on a safety constant, and the least exponent of the steps' growth in it.
_LARGER, _LEAST = 100.0, -0.4
_FEW = 8


def responses(battery: Battery) -> Iterator[Finding]:
    """Findings about random trajectories and their twins."""
    yield _newest(battery)
    yield _drift(battery)
    yield from _small(battery)


def _newest(battery: Battery) -> Finding:
    """After the same history, a flipped gradient moves the step in the opposite direction."""
    draws = np.random.default_rng(1).normal(size=(_STEPS, _DRAWS, battery.start.size))
    twins = [draws.copy() for _ in _TURNED]
    for at, twin in zip(_TURNED, twins, strict=True):
        twin[at] *= -1
    gradients = np.concatenate([draws, *twins], axis=1)
    start = np.repeat(battery.start, gradients.shape[1], axis=0)
    steps = battery.run(start, lambda _, n: gradients[n], _STEPS).steps
    one, *others = np.split(steps, 1 + len(twins), axis=1)
    along = [
        _share((one - other)[at] * np.sign(draws[at]))
        for at, other in zip(_TURNED, others, strict=True)
    ]
    worst = int(np.argmax(along))
    at, other = _TURNED[worst], others[worst]
    return observation(
        battery,
        "the newest gradient is followed downhill",
        max(along) < _MOST,
        f"in steps {', '.join(str(at + 1) for at in _TURNED)} of {_DRAWS} random paths",
        {
            f"gradient {at + 1}": float(draws[at, 0, 0]),
            "step": float(one[at, 0, 0]),
            "step with its sign turned around": float(other[at, 0, 0]),
        },
        fault="the newest gradient moves the parameter uphill, after the same past",
    )


def _drift(battery: Battery) -> Finding:
    """Steps descend along the mean gradient, even if the noise is larger."""
    noise = np.random.default_rng(2).normal(size=(_STEPS, _DRAWS, battery.start.size))
    drift = _DRIFT[:, : battery.start.size]
    gradients = np.concatenate([noise + drift, noise - drift], axis=1)
    start = np.repeat(battery.start, 2 * _DRAWS, axis=0)
    path = battery.run(start, lambda _, n: gradients[n], _STEPS).parameters
    one, other = np.split(path, 2, axis=1)
    return observation(
        battery,
        "what gradients have in common besides noise is followed downhill",
        _share((one - other)[-1] * np.sign(drift)) < _MOST,
        f"in {_DRAWS} pairs of paths of {_STEPS} steps with the same noise and opposite drifts",
        {
            f"drift {drift[0, 0]:g}, param {_STEPS}": float(one[-1, 0, 0]),
            f"drift {-drift[0, 0]:g}, param {_STEPS}": float(other[-1, 0, 0]),
        },
        fault="what gradients have in common besides noise is followed uphill",
    )


def _share(along: Array) -> float:
    """The net share of motion in one direction, from -1 to 1; 0 without any motion."""
    size = float(np.abs(along).sum())
    return float(along.sum()) / size if size > 0 and np.isfinite(size) else 0.0


def _small(battery: Battery) -> Iterator[Finding]:
    """Steps don't grow with a power of the inverse of a safety constant."""
    usual = battery.hyperparameters
    small = sorted(small_numbers(battery.variant, usual))
    if not small:
        return
    changed = {name: np.full((1 + len(small), 1), usual[name]) for name in small}
    for row, name in enumerate(small, 1):
        changed[name][row] *= _LARGER
    draws = np.random.default_rng(0).normal(size=(_FEW, 1, battery.start.size))
    start = np.repeat(battery.start, 1 + len(small), axis=0)
    gradients = np.repeat(draws, 1 + len(small), axis=1)
    steps = battery.run(start, lambda _, n: gradients[n], _FEW, changed).steps
    sizes = np.abs(steps).mean(axis=(0, 2))
    for row, name in enumerate(small, 1):
        power = float(np.log(sizes[row] / sizes[0]) / np.log(_LARGER))
        if np.isfinite(power):
            yield observation(
                battery,
                f"a smaller {name} makes no much larger steps",
                power >= _LEAST,
                f"steps grow like {name} to the power of {power:.2g}",
                {
                    f"step for {name} {usual[name]:g}": float(sizes[0]),
                    f"step for {name} {_LARGER * usual[name]:g}": float(sizes[row]),
                },
                fault=f"steps are as large as {name} is small",
            )
