"""How a path changes when one thing in a run of random gradients does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from optgen.compiler.nouns.proof import Finding
from optgen.compiler.prove.battery import START, Battery
from optgen.compiler.prove.float32 import Array
from optgen.compiler.prove.observation import observation
from optgen.compiler.prove.small import small_numbers

#: How many random paths there are, of how many steps, each with a twin that differs in one thing.
_DRAWS, _STEPS = 8, 60
#: Steps whose gradient is turned around, one to a pair of paths; after the first ones, since
#: a state may begin with what a gradient was.
_TURNED = (1, 2, 8, 29)
#: The step at which one gradient grows, and by how much.
_AT, _PULSE = 8, np.array([[1.0, -1.0, 0.0]])
#: What all gradients have in common, besides noise.
_DRIFT = np.array([[0.5, -0.5, 0.0]])
#: A small number that is this much larger makes no steps that are this much smaller, or less.
_LARGER, _LEAST = 100.0, -0.4
#: The part of all elements that may go the wrong way, from -1 (none) to 1.
_MOST = 0.3


@dataclass(frozen=True)
class _Twins:
    """Parameters of paths, after each step, and of their twins; and how gradients differ."""

    one: Array
    other: Array
    difference: Array

    def uphill(self, first: int, last: int) -> float:
        """How far paths part the way that their gradients do, from -1 (the other way) to 1."""
        apart = np.diff((self.one - self.other)[[first, last]], axis=0)[0]
        along = apart * np.sign(self.difference)
        size = float(np.abs(along).sum())
        return float(along.sum()) / size if size > 0 and np.isfinite(size) else 0.0

    def numbers(self, last: int) -> dict[str, float]:
        """What a gradient of a path differs by, and where the two are in the end."""
        element = int(np.argmax(np.abs(self.difference[0])))
        return {
            "difference of the gradients": float(self.difference[0, element]),
            f"param {last}": float(self.one[last, 0, element]),
            f"param {last} of the other": float(self.other[last, 0, element]),
        }


def responses(battery: Battery) -> Iterator[Finding]:
    """Findings about random paths and their twins."""
    *turned, pulse, drift = _twins(battery)
    yield _newest(battery, turned)
    for twins, what, fault in (
        (pulse, "one larger gradient", "one larger gradient moves the parameter uphill in the end"),
        (drift, "a drift in noise", "gradients with noise in them are followed uphill"),
    ):
        yield observation(
            battery,
            f"{what} is followed downhill",
            twins.uphill(0, _STEPS) < _MOST,
            f"in {_DRAWS} pairs of paths of {_STEPS} steps with random gradients",
            twins.numbers(_STEPS),
            fault=fault,
        )
    yield from _small(battery)


def _twins(battery: Battery) -> list[_Twins]:
    """All paths, made side by side: those with a turned gradient, a pulse, and a drift."""
    draws = np.random.default_rng(1).normal(size=(_STEPS, _DRAWS, START.size))
    pairs = []
    for at in _TURNED:
        turned = draws.copy()
        turned[at] *= -1
        pairs.append((draws, turned, 2 * draws[at]))
    pulse = draws.copy()
    pulse[_AT] += _PULSE
    pairs.append((pulse, draws, np.repeat(_PULSE, _DRAWS, axis=0)))
    pairs.append((draws + _DRIFT, draws - _DRIFT, np.repeat(2 * _DRIFT, _DRAWS, axis=0)))
    gradients = np.concatenate([part for pair in pairs for part in pair[:2]], axis=1)
    start = np.repeat(START, gradients.shape[1], axis=0)
    path = battery.run(start, lambda _, n: gradients[n], _STEPS).parameters
    parts = np.split(path, 2 * len(pairs), axis=1)
    return [_Twins(parts[2 * k], parts[2 * k + 1], pair[2]) for k, pair in enumerate(pairs)]


def _newest(battery: Battery, turned: list[_Twins]) -> Finding:
    """After the same past, a gradient that is turned around makes a step further down its slope."""
    wrong = [twins.uphill(at, at + 1) for at, twins in zip(_TURNED, turned, strict=True)]
    return observation(
        battery,
        "the newest gradient is followed downhill",
        float(np.mean(wrong)) < _MOST,
        f"in steps {', '.join(str(at + 1) for at in _TURNED)} of {_DRAWS} random paths",
        turned[0].numbers(_TURNED[0] + 1),
        fault="the newest gradient moves the parameter uphill, after the same past",
    )


def _small(battery: Battery) -> Iterator[Finding]:
    """A small number that is there for safety makes no steps larger by being smaller."""
    usual = battery.hyperparameters
    small = sorted(small_numbers(battery.variant, usual))
    if not small:
        return
    changed = {name: np.full((1 + len(small), 1), usual[name]) for name in small}
    for row, name in enumerate(small, 1):
        changed[name][row] *= _LARGER
    draws = np.random.default_rng(0).normal(size=(_AT, 1, START.size))
    start = np.repeat(START, 1 + len(small), axis=0)
    gradients = np.repeat(draws, 1 + len(small), axis=1)
    steps = battery.run(start, lambda _, n: gradients[n], _AT, changed).steps
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
