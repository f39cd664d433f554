"""Scaling of steps with gradient, parameter, learning rate and number of elements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np

from optgen.analysis.prove.battery import PARAMETERS, SIZES, Battery
from optgen.analysis.prove.observation import observation
from optgen.compiler.ir.proof import Finding
from optgen.compiler.ir.rule import LEARNING_RATE

#: Bounds of the exponent of step growth. Rules that add squares with different units have negative
#: exponents; rules that forget slowly exceed 1.
_LEAST, _MOST = -0.5, 1.1
#: The same bounds between consecutive magnitudes of a parameter: in a sum of two terms, a
#: decreasing and an increasing one, neither hides the other.
_LEAST_BETWEEN, _MOST_BETWEEN = -0.2, 1.5
_FAR = tuple(10.0**power for power in range(-3, 4))
#: Steps are compared after averages have warmed up and before parameters have moved far.
_EARLY, _FIRST = slice(4, 24), 6
#: Factors on the learning rate, and the bounds of the first step's exponent in it.
_SHARES, _LEAST_OF_RATE, _MOST_OF_RATE = (0.1, 1.0, 10.0), -0.2, 1.5
#: Repetition counts of the elements, and bounds of the exponent. A norm of the gradients grows like
#: the root of the number of elements.
_TIMES, _LEAST_NUMBER, _MOST_NUMBER = (1, 16), -0.95, 0.95


def scaling(battery: Battery) -> Iterator[Finding]:
    """Findings about the scaling of steps."""
    sizes = np.abs(battery.constant.steps[_EARLY]).mean(axis=(0, 2))
    gradients = {SIZES[k]: float(sizes[k]) for k in range(3)}
    parameters = {size: float(sizes[len(SIZES) + k]) for k, size in enumerate(PARAMETERS)}
    yield from _power(battery, "gradient", gradients, {})
    yield from _power(battery, "parameter", parameters, _by_parameter(battery))
    yield from _rate(battery)
    yield from _number(battery)


def _by_parameter(battery: Battery) -> dict[float, float]:
    """Step lengths by magnitude of the parameter, with the same gradient."""
    start = np.array([_FAR]).T * battery.start
    path = battery.run(start, lambda p, _: np.broadcast_to(battery.elements, p.shape), _FIRST)
    return dict(zip(_FAR, map(float, np.abs(path.steps).mean(axis=(0, 2))), strict=True))


def _power(
    battery: Battery,
    what: str,
    found: Mapping[float, float],
    between: Mapping[float, float],
) -> Iterator[Finding]:
    powers = _powers({end: found[end] for end in (min(found), max(found))})
    if not powers:
        return
    (power,) = powers
    falls, grows = power < _LEAST, power > _MOST
    if not (falls or grows) and (powers := _powers(between)):
        falls, grows = min(powers) < _LEAST_BETWEEN, max(powers) > _MOST_BETWEEN
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
    """The exponent of step growth between consecutive magnitudes."""
    return [
        float(np.log(found[large] / found[small]) / np.log(large / small))
        for small, large in pairwise(sorted(found))
        if all(np.isfinite(found[one]) and found[one] > 0 for one in (small, large))
    ]


def _rate(battery: Battery) -> Iterator[Finding]:
    """The first nonzero step grows at most like the learning rate; later ones feed back."""
    rates = np.array([_SHARES]).T * battery.hyperparameters[LEARNING_RATE]
    start = np.repeat(battery.start, len(_SHARES), axis=0)
    gradients = np.repeat(battery.elements, len(_SHARES), axis=0)
    path = battery.run(start, lambda _, __: gradients, _FIRST, {LEARNING_RATE: rates})
    steps = np.abs(path.steps).mean(axis=2)
    moving = np.nonzero((steps > 0).all(axis=1) & np.isfinite(steps).all(axis=1))[0]
    if not moving.size:
        return
    found = dict(zip(_SHARES, map(float, steps[moving[0]]), strict=True))
    powers = _powers(found)
    holds = min(powers) > _LEAST_OF_RATE and max(powers) < _MOST_OF_RATE
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
    """More elements of the same magnitudes change the steps at most like a norm does."""
    found = {float(battery.elements.size * times): _tiled(battery, times) for times in _TIMES}
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
    """The mean step length of a tensor that repeats its elements."""
    start, gradients = (np.tile(row, (1, times)) for row in (battery.start, battery.elements))
    path = battery.run(start, lambda _, __: gradients, _FIRST)
    return float(np.abs(path.steps).mean())
