"""``clip`` is one function: each evaluator gives what kernels do, also where low is above high."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optgen.analysis.compare.normal_form import normal
from optgen.analysis.exact.bounds import bounds
from optgen.analysis.exact.constant_folding import folded
from optgen.analysis.exact.digits import precise
from optgen.analysis.exact.interval import Interval
from optgen.analysis.measure.rounding_analysis import EXACT, Analysis, Count, NoBoundError
from optgen.analysis.prove import float32, sampling
from optgen.compiler.ir.expression import Expression, Name, Number, Operation
from optgen.compiler.ir.value import evaluate
from optgen.runtime import scalars, small_functions

NUMBERS = (-2.0, -0.5, 0.0, 0.5, 2.0)
CLIP = Operation("clip", (Name("x"), Name("low"), Name("high")))


KERNELS: Callable[..., float] = small_functions.clip


def places(x: float, low: float, high: float) -> dict[str, float]:
    return {"x": x, "low": low, "high": high}


def exactly(values: dict[str, float]) -> dict[str, Expression]:
    return {name: Number(value) for name, value in values.items()}


EVALUATORS: dict[str, Callable[[dict[str, float]], Any]] = {
    "value": lambda v: evaluate(CLIP, v),
    "fold": lambda v: evaluate(folded(CLIP, exactly(v)), {}),
    "digits": lambda v: precise(CLIP, {name: mpmath.mpf(value) for name, value in v.items()}),
    "python": lambda v: eval(sampling.python(CLIP), dict(v)),
    "float32": lambda v: float32.apply(
        CLIP, [np.array([n], np.float32) for n in v.values()], {id(CLIP)}
    )[0],
    "comparison": lambda v: evaluate(normal(CLIP), v),
    "schedule": lambda v: scalars.clip(**v),
}


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_each_evaluator_gives_what_kernels_do(evaluator: str) -> None:
    for numbers in itertools.product(NUMBERS, repeat=3):
        assert float(EVALUATORS[evaluator](places(*numbers))) == KERNELS(*numbers), numbers


ends = st.none() | st.fractions(-3, 3, max_denominator=2)


@st.composite
def boxes(draw: Any) -> Interval:
    low, high = draw(ends), draw(ends)
    if low is not None and high is not None and low >= high:
        return Interval.point(low)
    return Interval(low, high, draw(st.booleans()), draw(st.booleans()))


def inside(box: Interval) -> list[Fraction]:
    every = [Fraction(k, 4) for k in range(-16, 17)]
    return [one for one in every if not box.meet(Interval.point(one)).is_empty]


@given(boxes(), boxes(), boxes())
def test_intervals_hold_every_value(x: Interval, low: Interval, high: Interval) -> None:
    found = bounds(CLIP, {"x": x, "low": low, "high": high})
    for numbers in itertools.product(inside(x)[::3], inside(low)[::3], inside(high)[::3]):
        assert not found.meet(Interval.point(Fraction(KERNELS(*numbers)))).is_empty, numbers


def test_intervals_are_as_narrow_as_can_be_where_low_is_below_high() -> None:
    unit = {"low": Interval.point(Fraction(-1)), "high": Interval.point(Fraction(1))}
    assert bounds(CLIP, unit) == Interval(Fraction(-1), Fraction(1), False, False)
    small = {**unit, "x": Interval(Fraction(0), Fraction(1, 2), False, True)}
    assert bounds(CLIP, small) == small["x"]


def test_a_bound_on_rounding_needs_a_range_that_is_not_empty() -> None:
    counts = {"x": Count(Fraction(1)), "low": EXACT, "high": EXACT}
    unit = Fraction(1, 2**24)
    ordered = {"low": Interval(None, Fraction(0)), "high": Interval(Fraction(0), None)}
    assert Analysis(unit, counts, ordered).of(CLIP) == Count(Fraction(1))
    with pytest.raises(NoBoundError, match="rounding may decide"):
        Analysis(unit, counts, {}).of(CLIP)
    assert math.isfinite(Analysis(unit, dict.fromkeys(counts, EXACT), {}).of(CLIP).roundings)
