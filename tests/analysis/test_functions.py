"""Every function of the registry has a meaning in each analysis, and the meanings are true."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from typing import Any

import mpmath
import pytest

from optgen.analysis.exact.bounds import bounds
from optgen.analysis.exact.digits import precise
from optgen.analysis.exact.interval import EVERYTHING, Interval
from optgen.analysis.explain.formula import formula
from optgen.analysis.explain.mathml import mathml
from optgen.analysis.measure.ieee import in_float32, in_float64
from optgen.analysis.measure.rounding_analysis import EXACT, SINGLE, Analysis, Count, NoBoundError
from optgen.analysis.prove.float32 import FUNCTIONS as ROWS
from optgen.analysis.prove.parity import EVEN, ODD, ZERO, parity
from optgen.analysis.prove.sampling import python
from optgen.compiler.ir.expression import Name, Operation
from optgen.compiler.ir.function import Function
from optgen.compiler.ir.functions import FUNCTIONS, REGISTRY

LISTED = [REGISTRY[name] for name in FUNCTIONS if name != "where"]
EACH = pytest.mark.parametrize("function", LISTED, ids=lambda function: function.name)
PLACES = ("x0", "x1", "x2")
Numbers = dict[str, Fraction]


def call(function: Function) -> Operation:
    return Operation(function.name, tuple(map(Name, PLACES[: function.arity])))


def value(function: Function, numbers: Numbers) -> Any:
    """The value at a point; None out of the domain."""
    exact = {name: mpmath.mpf(v.numerator) / v.denominator for name, v in numbers.items()}
    try:
        return precise(call(function), exact)
    except (ArithmeticError, ValueError, TypeError):
        return None


def boxes(draw: random.Random, function: Function) -> Iterator[tuple[dict[str, Interval], Numbers]]:
    """Intervals for arguments, and numbers in them; many reach to an end, or to 0."""
    for _ in range(300):
        known, numbers = {}, {}
        for name in PLACES[: function.arity]:
            ends = sorted(Fraction(draw.randint(-24, 24), draw.choice((1, 8))) for _ in range(3))
            low, number, high = draw.choice(
                [ends, [ends[0], ends[0], ends[2]], [Fraction(0), *ends[1:]]]
            )
            if not low <= number <= high:
                low, number, high = ends
            known[name] = Interval(low, high, False, False)
            if draw.random() < 0.2:
                known[name] = Interval(low, None, False, True)
            numbers[name] = number
        yield known, numbers


@EACH
def test_intervals_hold_every_value(function: Function) -> None:
    draw = random.Random(function.name)
    with mpmath.workdps(50):
        for known, numbers in boxes(draw, function):
            worth = value(function, numbers)
            if worth is not None:
                found = bounds(call(function), known)
                assert (
                    found.low is None
                    or worth >= mpmath.mpf(found.low.numerator) / found.low.denominator
                )
                assert (
                    found.high is None
                    or worth <= mpmath.mpf(found.high.numerator) / found.high.denominator
                )


@EACH
def test_intervals_of_points_are_short(function: Function) -> None:
    if function.is_increasing:
        point = {name: Interval.point(Fraction(5, 4)) for name in PLACES}
        found = bounds(call(function), point)
        assert found.low is not None
        assert found.high is not None
        assert found.high - found.low <= Fraction(1, 2**50)
    else:
        assert bounds(call(function), {}) != EVERYTHING or function.selects


@EACH
def test_parities_are_true(function: Function) -> None:
    """Signs of odd arguments are turned, and those that are 0 both ways are 0."""
    draw = random.Random(function.name)
    arguments = PLACES[: function.arity]
    with mpmath.workdps(50):
        for kinds in product((EVEN, ODD, ZERO), repeat=function.arity):
            known = dict(zip(arguments, kinds, strict=True))
            claimed = parity(call(function), known)
            for _, drawn in boxes(draw, function) if claimed is not None else ():
                numbers = {n: v if known[n] != ZERO else Fraction(0) for n, v in drawn.items()}
                turned = {n: -v if known[n] == ODD else v for n, v in numbers.items()}
                one, other = value(function, numbers), value(function, turned)
                if one is not None and other is not None:
                    assert other == (one if claimed == EVEN else -one), (known, numbers)
                    assert claimed != ZERO or one == 0


def test_an_angle_is_odd_where_its_second_argument_is_not_negative() -> None:
    known = {"y": ODD, "v": EVEN}
    root = Operation("sqrt", (Name("v"),))
    assert parity(Operation("atan2", (Name("y"), root)), known) == ODD
    assert parity(Operation("atan2", (Name("y"), Name("v"))), known) is None


@EACH
def test_roundings_have_a_bound_or_a_reason(function: Function) -> None:
    names = PLACES[: function.arity]
    box = {
        name: Interval(Fraction(k + 1), Fraction(k + 2), False, False)
        for k, name in enumerate(names)
    }
    exact = Analysis(SINGLE, dict.fromkeys(names, EXACT), box).of(call(function))
    assert exact == Count(function.errors.roundings)
    rounded = Analysis(SINGLE, dict.fromkeys(names, Count(Fraction(3))), box)
    if function.condition is None and not function.selects and function.name != "exp":
        with pytest.raises(NoBoundError, match=function.name):
            rounded.of(call(function))
    else:
        assert rounded.of(call(function)).roundings >= function.errors.roundings


@EACH
def test_emulation_and_formulas(function: Function) -> None:
    numbers = {name: Fraction(3, 2) for name in PLACES[: function.arity]}
    floats = dict.fromkeys(numbers, 1.5)
    with mpmath.workdps(50):
        wanted = float(value(function, numbers))
    assert in_float64(call(function), floats) == pytest.approx(wanted, rel=1e-15)
    assert in_float32(call(function), floats) == pytest.approx(wanted, rel=1e-7)
    assert float(ROWS[function.name](*floats.values())) == pytest.approx(wanted, rel=1e-15)
    assert eval(python(call(function)), {**vars(math), **floats}) == pytest.approx(wanted)
    assert formula(call(function)).count(r"\left") == formula(call(function)).count(r"\right")
    shown = mathml(call(function))
    assert all(name[0] in shown for name in numbers)
    assert shown.count("<mrow>") == shown.count("</mrow>")
