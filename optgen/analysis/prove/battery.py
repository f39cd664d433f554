"""Standard runs of a rule with default hyperparameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from optgen.analysis.exact.interval import ONE, ZERO, Interval
from optgen.analysis.prove.descent import decays
from optgen.analysis.prove.float32 import Array
from optgen.analysis.prove.sampling import Search
from optgen.analysis.prove.trajectories import Runs
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.rule import LEARNING_RATE, PARAM

#: Magnitudes of constant gradients and of initial parameters, and the number of steps.
SIZES = (1.0, 1e-2, 1e2, 1e-4, 1e-9, 1e-18)
PARAMETERS = (1.0, 0.1, 10.0)
CONSTANT = 150
#: Factors on the learning rate in the descent of a quadratic loss.
RATES = (1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-6, 10.0)
QUADRATIC = 200
#: Number of steps before the gradient changes its sign, and after that.
BEFORE, AFTER = 60, 240
NOISY = 60
#: The elements of a gradient, of a parameter, and of the curvatures of a loss, for a vector and a
#: matrix of two rows: in one run they differ in magnitude and sign.
_ELEMENTS = np.array([[1.0, -0.5, 2.0, 0.25, -1.5, 0.75]])
_START = np.array([[1.0, 1.0, -1.0, -1.0, 1.0, 1.0]])
_CURVATURES = np.array([[1.0, 0.1, 10.0, 3.0, 0.3, 1.0]])
_LENGTH = 3
_UNIT = Interval(ZERO, ONE, False, False)


@dataclass(frozen=True)
class Path:
    """Parameters before the first step and after each step; axes: steps, runs, elements."""

    parameters: Array
    last: Mapping[str, Any]
    #: The states whose value ever differed from the initial one.
    moved: frozenset[str]

    @property
    def steps(self) -> Array:
        """The change of the parameters in each step."""
        return np.diff(self.parameters, axis=0)


@dataclass(frozen=True)
class Observed:
    """Curves over the steps: losses by learning-rate factor, and step lengths by gradient."""

    setting: str
    losses: Mapping[float, Array]
    steps: Mapping[float, Array]


@dataclass(frozen=True)
class Battery:
    """The test runs of one variant; its weight decay, if any, is off."""

    variant: Variant
    search: Search

    @property
    def elements(self) -> Array:
        """The elements of a gradient."""
        return self._taken(_ELEMENTS)

    @property
    def start(self) -> Array:
        """The initial elements of the parameter, all of size 1."""
        return self._taken(_START)

    @property
    def curvatures(self) -> Array:
        """The curvature of a quadratic loss in each element."""
        return self._taken(_CURVATURES)

    def _taken(self, values: Array) -> Array:
        return values if self.variant.is_matrix else values[:, :_LENGTH]

    @cached_property
    def hyperparameters(self) -> dict[str, float]:
        """The allowed values nearest to the defaults, without weight decay."""
        off = dict.fromkeys(decays(self.variant, self.search), 0.0)
        names = self.search.hyperparameters - off.keys()
        return {name: self._usual(name) for name in names} | off

    def _usual(self, name: str) -> float:
        """The default; 0.5 if a setting excludes it, since a decay of 1 never forgets."""
        choices = self.search.choices(name)
        is_excluded = choices[0] != self.search.first.get(name, choices[0])
        return 0.5 if is_excluded and 0.5 in choices else choices[0]

    @property
    def decays(self) -> list[str]:
        """The hyperparameters with the range 0 to 1, which may be decay rates of averages."""
        known = self.search.known
        return sorted(n for n in self.hyperparameters if known[n].meet(_UNIT) == known[n])

    def run(
        self,
        start: Array,
        gradient: Callable[[Array, int], Array],
        steps: int,
        changed: Mapping[str, Any] | None = None,
    ) -> Path:
        """Run from initial parameters; gradients are a function of parameters and step number."""
        with np.errstate(all="ignore"):
            runs = Runs(self.variant, {**self.hyperparameters, **(changed or {})}, start)
            first = {s.name: runs.values[s.name] for s in self.variant.states}
            moved: set[str] = set()
            path = [start]
            for number in range(steps):
                runs.arrive(gradient(runs.values[PARAM], number))
                runs.step()
                path.append(runs.values[PARAM])
                moved |= {n for n in first.keys() - moved if _differs(runs.values[n], first[n])}
            return Path(np.array(path), runs.values, frozenset(moved))

    @cached_property
    def constant(self) -> Path:
        """Constant gradients of all magnitudes, parameters of all magnitudes, and gradient 0.

        Gradients vary with a fixed parameter; parameters vary with a gradient of magnitude 1.
        """
        one, first = self.elements, self.start
        listed = [*(size * one for size in SIZES), *[one] * len(PARAMETERS)]
        gradients = np.concatenate([*listed, 0 * one])
        places = [*[first] * len(SIZES), *(size * first for size in PARAMETERS), first]
        start = np.concatenate(places)
        return self.run(start, lambda _, __: gradients, CONSTANT)

    @cached_property
    def quadratic(self) -> Path:
        """Descent of a quadratic loss, with learning rates of all magnitudes."""
        rates = np.array([[self.hyperparameters[LEARNING_RATE] * share] for share in RATES])
        start = np.repeat(self.start, len(RATES), axis=0)
        return self.run(start, lambda p, _: self.curvatures * p, QUADRATIC, {LEARNING_RATE: rates})

    @cached_property
    def turned(self) -> Path:
        """A run whose gradient changes its sign once."""
        one = self.elements
        return self.run(self.start, lambda _, n: one * (1 if n < BEFORE else -1), BEFORE + AFTER)

    @cached_property
    def noise(self) -> Path:
        """Runs with random gradients, and the same runs with all signs flipped."""
        draw = np.random.default_rng(0).normal(size=(NOISY, 1, self.start.size))
        mirrored = np.concatenate([draw, -draw], axis=1)
        return self.run(np.concatenate([self.start, -self.start]), lambda _, n: mirrored[n], NOISY)

    def observed(self) -> Observed:
        """The curves of two of the runs."""
        # Of what diverges, some values are infinite or NaN: the curves end before.
        with np.errstate(all="ignore"):
            losses = (self.curvatures * self.quadratic.parameters**2).sum(axis=2) / 2
            steps = np.abs(self.constant.steps[:, :, 0])
        return Observed(
            self.variant.label,
            {share: losses[:, run] for run, share in enumerate(RATES)},
            {size: steps[:, run] for run, size in enumerate(SIZES)},
        )


def _differs(now: Array, before: Array) -> bool:
    return bool(np.any((now != before) & np.isfinite(now)))
