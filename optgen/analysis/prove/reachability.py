"""Reachable states: short runs from the initial state, with hard gradients.

A counterexample must be reachable. Runs in float64 find candidates; one counts if the same run with
50 digits reaches it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import mpmath
import numpy as np

from optgen.analysis.exact.composition import OF_PART
from optgen.analysis.exact.digits import DIGITS, precise
from optgen.analysis.exact.reductions import of_one_element
from optgen.analysis.prove.float32 import Array, Values
from optgen.analysis.prove.sampling import Numbers, Sample, Search
from optgen.analysis.prove.trajectories import Runs, value
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.expression import Expression, names
from optgen.compiler.ir.rule import CALL, GIVEN_NAMES, GRAD, LEARNING_RATE, PARAM, STEP

RUNS, STEPS, MOST_CANDIDATES = 240, 10, 4
_SIZES = (1.0, 2.0, 0.5, 1e-3, 10.0, 1e-7, 1e3, 1e-10, 1e6, 1e-13)
_PARAMETERS = (1.0, -1.0, 0.0, 0.25, 100.0, -1e-3)


@dataclass(frozen=True)
class Reached:
    """The reachable states of a rule, from runs with tensors of one element."""

    variant: Variant
    search: Search

    @cached_property
    def alone(self) -> Variant:
        """The variant for tensors of one element."""
        steps = tuple(
            replace(step, expression=of_one_element(step.expression))
            for step in self.variant.assignments
        )
        return replace(self.variant, assignments=steps)

    @cached_property
    def before(self) -> tuple[Values, ...]:
        """The values before each step, with its gradient; each column is one run."""
        with np.errstate(all="ignore"):
            return tuple(self._before())

    def _before(self) -> Iterator[Values]:
        draw = random.Random(1)
        given = {*GIVEN_NAMES, *(state.name for state in self.variant.states)} - {LEARNING_RATE}
        names = sorted(self.search.hyperparameters - given)
        choices = {name: self.search.choices(name) for name in names}
        drawn = [_hyperparameters(choices, place, draw) for place in range(RUNS)]
        settings = {name: np.array([[one[name]] for one in drawn]) for name in drawn[0]}
        parameters = np.array([[_PARAMETERS[place % len(_PARAMETERS)]] for place in range(RUNS)])
        gradients = np.array([_gradients(place, draw) for place in range(RUNS)])
        runs = Runs(self.alone, settings, parameters)
        for number in range(STEPS):
            runs.arrive(gradients[:, [number]])
            yield dict(runs.values)
            runs.step()

    def knowing(self, variant: Variant, search: Search) -> Reached:
        """The same runs for a variant with more known invariants."""
        other = Reached(variant, search)
        # A cached property is stored in the dictionary of its instance.
        other.__dict__["before"] = self.before
        return other

    def values(self, expression: Expression) -> Iterator[tuple[int, Array]]:
        """The values of an expression of old values, before each step and in each run."""
        alone = of_one_element(expression)
        with np.errstate(all="ignore"):
            for number, before in enumerate(self.before):
                values = dict(before)
                for name in self.variant.parts if OF_PART in " ".join(names(alone)) else ():
                    values[name] = value(of_one_element(self.variant.parts[name]), values)
                yield number, np.broadcast_to(value(alone, values), (RUNS, 1))[:, 0]

    def find(
        self,
        expression: Expression,
        conditions: Sequence[Expression],
        is_bad: Callable[[Array], Any],
        is_refuted: Callable[[Sample], bool],
    ) -> Numbers | None:
        """A reachable counterexample, in float64 and confirmed in higher precision.

        ``is_bad`` selects candidates by the value of an expression.
        """
        tried = 0
        asked = [self._mask(condition) for condition in conditions]
        for number, found in self.values(expression):
            bad = is_bad(found) & self._is_finite(number)
            for mask in asked:
                bad = bad & mask[number]
            for run in np.flatnonzero(bad)[:2]:
                tried += 1
                numbers = self._confirmed(int(run), number, is_refuted)
                if numbers is not None:
                    return numbers
                if tried >= MOST_CANDIDATES:
                    return None
        return self._late(expression, conditions, is_refuted)

    def _late(
        self,
        expression: Expression,
        conditions: Sequence[Expression],
        is_refuted: Callable[[Sample], bool],
    ) -> Numbers | None:
        """A counterexample at a step after the runs, for properties of counters alone."""
        about = (expression, *conditions)
        moving = {PARAM, GRAD, *(state.name for state in self.variant.states)}
        if any(moving.intersection(names(one)) for one in about):
            return None
        return self.search.find(about, is_refuted)

    def _mask(self, condition: Expression) -> list[Array]:
        return [found.astype(bool) for _, found in self.values(condition)]

    def _is_finite(self, number: int) -> Array:
        moving = (PARAM, *(state.name for state in self.variant.states))
        found = [np.isfinite(self.before[number][name])[:, 0] for name in moving]
        finite: Array = np.all(found, axis=0)
        return finite

    def _confirmed(
        self, run: int, number: int, is_refuted: Callable[[Sample], bool]
    ) -> Numbers | None:
        try:
            with mpmath.workdps(DIGITS):
                numbers = self._replayed(run, number)
                if is_refuted(Sample(numbers)) and is_refuted(Sample(numbers, True)):
                    return numbers
        except (ArithmeticError, ValueError, KeyError, TypeError):
            pass
        return None

    def _replayed(self, run: int, last: int) -> Numbers:
        """The values before a step of a run, recomputed with 50 digits."""
        first = self.before[0]
        names = [name for name in first if name not in (GRAD, STEP, CALL)]
        exact: dict[str, Any] = {
            name: mpmath.mpf(repr(float(np.ravel(first[name])[run % np.size(first[name])])))
            for name in names
        }
        for number in range(last + 1):
            gradient = float(self.before[number][GRAD][run, 0])
            exact |= {GRAD: mpmath.mpf(repr(gradient)), STEP: mpmath.mpf(number + 1)}
            exact[CALL] = exact[STEP]
            if number < last:
                for step in self.alone.assignments:
                    exact[step.target] = _worth(step.expression, exact)
        kept = {*names, GRAD, STEP, CALL}
        return {name: float(worth) for name, worth in exact.items() if name in kept}

    def limits(self, expression: Expression) -> tuple[float, float]:
        """The minimum and maximum in all runs; NaN if any value is NaN."""
        found = [worth for _, worth in self.values(expression)]
        return float(np.min(found)), float(np.max(found))


def _worth(expression: Expression, numbers: Mapping[str, Any]) -> Any:
    """The value in full precision; NaN if undefined, which a choice may discard."""
    try:
        return precise(expression, numbers)
    except (ArithmeticError, ValueError):
        return mpmath.nan


def _hyperparameters(
    choices: Mapping[str, Sequence[float]], place: int, draw: random.Random
) -> dict[str, float]:
    """The defaults in half of the runs, and random allowed values in the others."""
    return {
        name: listed[0] if place < RUNS // 2 or draw.random() < 0.4 else draw.choice(listed)
        for name, listed in choices.items()
    }


def _gradients(place: int, draw: random.Random) -> list[float]:
    """Adversarial gradients: zeros, sign changes, and jumps in magnitude."""
    size, other = draw.choice(_SIZES), draw.choice(_SIZES)
    patterns: Mapping[int, Sequence[float]] = {
        0: (0.0,) * STEPS,
        1: (size,) * STEPS,
        2: (size, -size) * STEPS,
        3: (0.0, size) * STEPS,
        4: (size, *(0.0,) * STEPS),
        5: (size, *(-other,) * STEPS),
        6: (size, size, other, -other) * STEPS,
        7: tuple(size * draw.uniform(-1, 1) for _ in range(STEPS)),
        8: tuple(draw.choice((-1, 0, 1)) * draw.choice(_SIZES) for _ in range(STEPS)),
        9: tuple(size * 10.0 ** (-k) for k in range(STEPS)),
    }
    return list(patterns[place % len(patterns)][:STEPS])
