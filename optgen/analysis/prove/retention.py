"""Decay of states in runs: whether they change, and the fraction that a step keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from optgen.analysis.prove.battery import Battery
from optgen.analysis.prove.float32 import Array
from optgen.analysis.prove.observation import observation
from optgen.analysis.prove.trajectories import Runs
from optgen.compiler.ir.proof import Finding

#: The warm-up steps before a state is perturbed, and the relative perturbation.
_WARM, _LITTLE = 12, 1e-4


def retention(battery: Battery) -> Iterator[Finding]:
    """Findings about the retention of states."""
    yield from _idle(battery)
    yield from _shares(battery)


def _idle(battery: Battery) -> Iterator[Finding]:
    """States that no run changes."""
    paths = (battery.constant, battery.quadratic, battery.turned, battery.noise)
    moved = frozenset().union(*(path.moved for path in paths))
    for state in battery.variant.states:
        if state.name in battery.variant.values:
            yield observation(
                battery,
                f"the state {state.name} changes in some run",
                state.name in moved,
                "in runs with constant, turning and random gradients, and on a quadratic",
                {},
                state.location,
                fault=f"the state {state.name} never changes",
            )


def _shares(battery: Battery) -> Iterator[Finding]:
    """A state with retention ``1 - decay``, for a decay near 1, has swapped weights."""
    usual = {name: battery.hyperparameters[name] for name in battery.decays}
    pairs = {name: (one, (1 + one) / 2) for name, one in usual.items() if 0.5 < one < 1}
    changing = [state for state in battery.variant.states if state.name in battery.variant.values]
    if not pairs or not changing:
        return
    kept = _kept(battery, pairs, [state.name for state in changing])
    for (name, values), found in zip(pairs.items(), kept, strict=True):
        for state, (one, other) in zip(changing, found.T, strict=True):
            if np.allclose((one, other), [1 - value for value in values], rtol=1e-3, atol=0):
                yield observation(
                    battery,
                    f"the state {state.name} keeps {name} of itself",
                    False,
                    f"with a {name} of {values[0]:g} a step leaves {one:.3g} of it",
                    {f"kept with {name} {values[0]:g}": one, f"kept with {values[1]:g}": other},
                    state.location,
                    fault=f"the state {state.name} keeps 1 - {name} of itself, not {name}",
                )


def _kept(battery: Battery, pairs: Mapping[str, tuple[float, float]], states: list[str]) -> Array:
    """The derivative of new states in old ones, by decays, their values, and states.

    It is a finite difference. All are rows of one run: for each value, one row without a
    perturbation and one for each state.
    """
    rows = 1 + len(states)
    changed: dict[str, Array] = {}
    for place, (name, values) in enumerate(pairs.items()):
        column = np.full((len(pairs), 2, rows), values[0])
        column[place, 1] = values[1]
        changed[name] = column.reshape(-1, 1)
    count = len(pairs) * 2 * rows
    start = np.repeat(battery.start, count, axis=0)
    runs = Runs(battery.variant, {**battery.hyperparameters, **changed}, start)
    draws = np.random.default_rng(5).normal(size=(_WARM, 1, battery.start.size))
    for gradient in (*draws, 0.3 * battery.elements):
        before = {name: np.array(runs.values[name]) for name in states}
        runs.arrive(np.repeat(gradient, count, axis=0))
        if runs.number > _WARM:
            for row, name in enumerate(states, 1):
                part = before[name][row::rows]
                part += _LITTLE * (np.abs(part) + 1e-6)
            runs.values |= before
        runs.step()
    kept = []
    for row, name in enumerate(states, 1):
        old, new = before[name], runs.values[name]
        change = (new[row::rows] - new[::rows]) / (old[row::rows] - old[::rows])
        kept.append(change.mean(axis=1).reshape(len(pairs), 2))
    return np.stack(kept, axis=2)
