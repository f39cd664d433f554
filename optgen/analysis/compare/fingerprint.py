"""Candidate pairs of states of two rules: those whose ratio is constant in all runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mpmath

from optgen.analysis.compare.high_precision import Run, is_nan
from optgen.analysis.compare.straight_line import Straight
from optgen.analysis.exact.grids import widened

#: Two runs with the same hyperparameters, with two elements each.
_RUNS = (
    ((0.7, -1.3), (-0.4, 2.1), (1.9, 0.6), (-1.1, -0.2)),
    ((-2.3, 0.9), (1.4, 0.3), (0.8, -1.7), (0.5, 1.2)),
)
_DIGITS, _SAME = 40, mpmath.mpf("1e-25")


def candidates(
    left: Straight, right: Straight, draws: Sequence[Mapping[str, float]]
) -> dict[str, list[str]]:
    """For each state of the right rule, the states of the left that may be proportional to it."""
    ours, theirs = ([state.name for state in rule.states] for rule in (left, right))
    is_axial = left.is_axial or right.is_axial
    for numbers in draws[::-1]:
        with mpmath.workdps(_DIGITS):
            try:
                mine, others = (
                    _trajectories(rule, numbers, is_axial=is_axial) for rule in (left, right)
                )
            except KeyError:
                break
            if _has_nan(mine) or _has_nan(others):
                continue
            return {
                name: [o for o in ours if _in_proportion(others[name], mine[o])] for name in theirs
            }
    return dict.fromkeys(theirs, ours)


def _trajectories(
    rule: Straight, numbers: Mapping[str, float], *, is_axial: bool
) -> dict[str, list[list[Any]]]:
    """The trajectory of each state, over all runs and elements."""
    given = {name: mpmath.mpf(repr(value)) for name, value in numbers.items()}
    found: dict[str, list[list[Any]]] = {
        state.name: [[] for _ in _RUNS[0]] for state in rule.states
    }
    for pairs in _RUNS:
        gradients = [widened(pair) if is_axial else pair for pair in pairs]
        run = Run(rule, given, len(gradients[0]))
        for number, gradient in enumerate(gradients, start=1):
            run.step(gradient, number)
            for name, values in found.items():
                values[number - 1].extend(run.values[name])
    return found


def _has_nan(found: Mapping[str, list[list[Any]]]) -> bool:
    return any(is_nan(x) for values in found.values() for step in values for x in step)


def _in_proportion(one: list[list[Any]], other: list[list[Any]]) -> bool:
    """Whether two trajectories are proportional, with a factor that depends only on the step."""
    for a, b in zip(one, other, strict=True):
        if len(a) != len(b):
            return False  # They are matrices of other shapes.
        if any((x == 0) != (y == 0) for x, y in zip(a, b, strict=True)):
            return False
        ratios = [x / y for x, y in zip(a, b, strict=True) if y]
        if any(abs(ratio - ratios[0]) > _SAME * abs(ratios[0]) for ratio in ratios):
            return False
    return True
