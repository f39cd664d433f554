"""How steps grow with the gradient, the parameter, the learning rate and the number of elements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np

from optgen.compiler.nouns.proof import Finding
from optgen.compiler.nouns.rule import LEARNING_RATE
from optgen.compiler.prove.battery import ELEMENTS, PARAMETERS, SIZES, START, Battery
from optgen.compiler.prove.float32 import Array
from optgen.compiler.prove.observation import observation

#: Powers that steps may grow by. Rules that add squares of several units come below 0, and those
#: that forget slowly above 1.
_LEAST, _MOST = -0.5, 1.1
#: The same from one size to the next, where a rule may change from one regime to another.
_LEAST_BETWEEN, _LEAST_OF_PARAMETER, _MOST_BETWEEN = -1.2, -0.2, 1.5
#: Parameters of sizes that no sum of two terms hides.
_OF_PARAMETER = tuple(10.0**power for power in range(-3, 4))
_OF_GRADIENT = tuple(10.0**power for power in range(-4, 3))
_SHARES, _LEAST_OF_RATE = (0.1, 1.0, 10.0), -0.2
_TILES = (1, 16)
#: Steps are compared once averages have begun, and before parameters have moved far.
_EARLY, _FIRST = slice(4, 24), slice(0, 6)
#: A norm of the gradients grows like the root of their number.
_LEAST_NUMBER, _MOST_NUMBER = -0.95, 0.95


def scaling(battery: Battery) -> Iterator[Finding]:
    """Findings about the sizes of steps."""
    sizes = np.abs(battery.constant.steps[_EARLY]).mean(axis=(0, 2))
    gradients = {SIZES[k]: float(sizes[k]) for k in range(3)}
    parameters = {size: float(sizes[len(SIZES) + k]) for k, size in enumerate(PARAMETERS)}
    steps = np.abs(_scaled(battery)).mean(axis=2)
    far = _by_size(_OF_PARAMETER, steps[_FIRST, : len(_OF_PARAMETER)])
    near = _by_size(_OF_GRADIENT, steps[_EARLY, len(_OF_PARAMETER) : -len(_SHARES)])
    yield from _power(battery, "gradient", gradients, near, _LEAST_BETWEEN)
    yield from _power(battery, "parameter", parameters, far, _LEAST_OF_PARAMETER)
    yield from _rate(battery, steps[:, -len(_SHARES) :])
    yield from _number(battery)


def _by_size(sizes: tuple[float, ...], steps: Array) -> dict[float, float]:
    return dict(zip(sizes, map(float, steps.mean(axis=0)), strict=True))


def _scaled(battery: Battery) -> Array:
    """Steps from parameters, with gradients, and with learning rates of many sizes."""
    parameters, gradients, shares = (
        np.array([part]).T for part in (_OF_PARAMETER, _OF_GRADIENT, _SHARES)
    )
    start = np.concatenate(
        [parameters * START, np.repeat(START, len(_OF_GRADIENT) + len(_SHARES), axis=0)]
    )
    same = np.ones_like(parameters), np.ones_like(gradients), np.ones_like(shares)
    gradients = np.concatenate([same[0], gradients, same[2]]) * ELEMENTS
    rates = np.concatenate([same[0], same[1], shares]) * battery.hyperparameters[LEARNING_RATE]
    return battery.run(start, lambda _, __: gradients, _EARLY.stop, {LEARNING_RATE: rates}).steps


def _power(
    battery: Battery,
    what: str,
    found: Mapping[float, float],
    between: Mapping[float, float],
    least: float,
) -> Iterator[Finding]:
    powers = _powers({end: found[end] for end in (min(found), max(found))})
    if not powers:
        return
    (power,) = powers
    falls, grows = power < _LEAST, power > _MOST
    if not (falls or grows):
        powers = _powers(between) or powers
        falls, grows = min(powers) < least, max(powers) > _MOST_BETWEEN
        if falls or grows:
            power, found = (min(powers) if falls else max(powers)), between
    numbers = {f"step for {what} {size:g}": step for size, step in found.items()}
    wrong = "much smaller steps" if falls else "steps that grow faster than it"
    yield observation(
        battery,
        f"a larger {what} makes no much smaller steps, and at most as much larger ones",
        not (falls or grows),
        f"steps grow like the {what} to the power of {power:.2g}",
        numbers,
        fault=f"a larger {what} makes {wrong}",
    )


def _powers(found: Mapping[float, float]) -> list[float]:
    """The power by which steps grow from each size to the next."""
    return [
        float(np.log(found[large] / found[small]) / np.log(large / small))
        for small, large in pairwise(sorted(found))
        if all(np.isfinite(found[one]) and found[one] > 0 for one in (small, large))
    ]


def _rate(battery: Battery, steps: Array) -> Iterator[Finding]:
    """The first step that moves follows the learning rate at most; later ones feed back."""
    moving = np.nonzero((steps > 0).all(axis=1) & np.isfinite(steps).all(axis=1))[0]
    if not moving.size:
        return
    found = dict(zip(_SHARES, map(float, steps[moving[0]]), strict=True))
    powers = _powers(found)
    holds = min(powers) > _LEAST_OF_RATE and max(powers) < _MOST_BETWEEN
    power = max(powers, key=lambda one: abs(one - 0.5))
    yield observation(
        battery,
        "a step follows the learning rate, and no higher power of it",
        holds,
        f"steps grow like the learning rate to the power of {power:.2g}",
        {f"step for {share:g} times the learning rate": step for share, step in found.items()},
        fault=f"steps grow like the learning rate to the power of {power:.2g}",
    )


def _number(battery: Battery) -> Iterator[Finding]:
    """More elements of the same sizes make other steps at most as a norm of them does."""
    found = {float(ELEMENTS.size * times): _tiled(battery, times) for times in _TILES}
    for power in _powers(found):
        yield observation(
            battery,
            "steps don't follow the number of elements",
            _LEAST_NUMBER <= power <= _MOST_NUMBER,
            f"steps grow like the number of elements to the power of {power:.2g}",
            {f"step for {count:g} elements": step for count, step in found.items()},
            fault=f"steps grow like the number of elements to the power of {power:.2g}",
        )


def _tiled(battery: Battery, times: int) -> float:
    """The mean length of steps of a tensor that repeats its elements."""
    start, gradients = (np.tile(row, (1, times)) for row in (START, ELEMENTS))
    path = battery.run(start, lambda _, __: gradients, _FIRST.stop)
    return float(np.abs(path.steps).mean())
