"""Counterexamples to equality: both rules run until their parameters differ.

Runs have 50 digits; 100 digits exclude rounding.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

import mpmath

from optgen.analysis.compare.high_precision import Run, Tensor, is_nan
from optgen.analysis.compare.straight_line import Straight
from optgen.analysis.exact.grids import widened
from optgen.compiler.ir.comparison import Setting

Numbers = Mapping[str, float]
Gradients = Sequence[tuple[float, ...]]

_FIRST = (2.0, -1.0, 0.5, 3.0, -0.25, 1.5, -2.5, 0.75)
_SECOND = (-0.5, -1.5, 3.0, 0.125, 1.0, 0.25, 2.0, -0.75)
_GRADIENTS: Gradients = tuple(zip(_FIRST, _SECOND, strict=True))
#: Zeros and repetitions, at which conditions change.
_TURNING: Gradients = tuple((a, a) for a in (1.0, 0.0, 0.0, -1.0, -1.0, 0.0, 2.0, 2.0))
_RESTING: Gradients = ((0.0, 0.0), *_TURNING)
#: Small gradients reveal safety constants; long runs reveal late effects.
SIZES = (1.0, 1e-6, 30.0)
DIGITS = 50
#: A relative difference that exceeds any rounding error in this precision.
MARGIN = mpmath.mpf("1e-30")


class NoRunsError(Exception):
    """No values for runs are known, or a function or hyperparameter has none."""


def parting(
    label: str, left: Straight, right: Straight, draws: Sequence[Numbers]
) -> Setting | None:
    """The first step at which the two rules differ; None if they agree in these runs.

    Raises NoRunsError where there are none.
    """
    if not draws:
        raise NoRunsError
    try:
        return _parted(label, left, right, draws)
    except KeyError:
        # The function has no numeric definition, or a hyperparameter no default.
        raise NoRunsError from None


def _parted(
    label: str, left: Straight, right: Straight, draws: Sequence[Numbers]
) -> Setting | None:
    for numbers, both in _runs(draws):
        gradients = tuple(_elements(pair, (left, right)) for pair in both)
        found = _difference(left, right, numbers, gradients, DIGITS)
        if found is None:
            continue
        step, _ = found
        # Confirm the difference in higher precision.
        again = _difference(left, right, numbers, gradients[:step], 2 * DIGITS)
        if again is not None and again[0] == step:
            given = tuple(gradients[:step])
            shown = {name: numbers[name] for name in sorted(left.numbers | right.numbers)}
            return Setting(
                label, False, step=step, gradients=given, values=shown, parameters=again[1]
            )
    return None


def _runs(draws: Sequence[Numbers]) -> Iterator[tuple[Numbers, Gradients]]:
    for numbers in draws[:2]:
        for size in SIZES:
            yield numbers, tuple((size * a, size * b) for a, b in _GRADIENTS)
    for numbers in draws[-1:]:
        yield numbers, _TURNING
        yield numbers, _RESTING
    draw = random.Random(0)
    for numbers in draws:
        yield numbers, tuple((draw.gauss(0, 1), draw.gauss(0, 1)) for _ in range(12))


def _difference(
    left: Straight, right: Straight, numbers: Numbers, gradients: Gradients, digits: int
) -> tuple[int, tuple[float, float]] | None:
    with mpmath.workdps(digits):
        given = {name: mpmath.mpf(repr(value)) for name, value in numbers.items()}
        runs = [Run(rule, given, len(gradients[0])) for rule in (left, right)]
        for number, gradient in enumerate(gradients, start=1):
            mine, theirs = (run.step(gradient, number) for run in runs)
            place = _apart(mine, theirs)
            if place is not None:
                return number, (float(mine[place]), float(theirs[place]))
    return None


def _elements(pair: tuple[float, ...], rules: Sequence[Straight]) -> tuple[float, ...]:
    """The gradient of a matrix, of two elements or of one, as the rules' reductions require."""
    if any(rule.is_axial for rule in rules):
        return widened(pair)
    return pair if any(rule.is_joint for rule in rules) else pair[:1]


def _apart(mine: Tensor, theirs: Tensor) -> int | None:
    """An element whose results differ beyond rounding error, or of which only one is a number."""
    for place, (a, b) in enumerate(zip(mine, theirs, strict=True)):
        if is_nan(a) or is_nan(b):
            if is_nan(a) is not is_nan(b):
                return place
            continue
        way = max(abs(a - 1), abs(b - 1))
        if abs(a - b) > MARGIN * way and abs(a - b) > mpmath.mpf(10) ** (-DIGITS + 5):
            return place
    return None
