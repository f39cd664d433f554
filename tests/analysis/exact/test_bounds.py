"""Intervals and certificates speak the truth: tried on random expressions and polynomials."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optgen.analysis.exact.bounds import bounds
from optgen.analysis.exact.constant_folding import folded
from optgen.analysis.exact.interval import Interval
from optgen.analysis.exact.polynomial import (
    Polynomial,
    never_negative,
    plus,
    polynomial,
    times,
)
from optgen.analysis.prove.sampling import Sample
from optgen.compiler.ir.expression import Expression, Name, Number, Operation
from optgen.compiler.ir.functions import FUNCTIONS

NAMES = ("x", "y", "z")
numbers = st.sampled_from([0, 1, 2, 3, 0.5, 0.25, 10, 0.1])
atoms = st.one_of(numbers.map(Number), st.sampled_from(NAMES).map(Name))
UNARY = ("neg", *(name for name, arity in FUNCTIONS.items() if arity == 1))
BINARY = ("+", "-", "*", "/", *(name for name, arity in FUNCTIONS.items() if arity == 2))


def larger(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    one = st.builds(lambda op, a: Operation(op, (a,)), st.sampled_from(UNARY), inner)
    two = st.builds(lambda op, a, b: Operation(op, (a, b)), st.sampled_from(BINARY), inner, inner)
    power = st.builds(lambda a, n: Operation("**", (a, Number(n))), inner, st.integers(0, 3))
    choice = st.builds(
        lambda a, b, c: Operation("where", (Operation("<", (a, b)), b, c)), inner, inner, inner
    )
    return st.one_of(one, two, power, choice)


expressions = st.recursive(atoms, larger, max_leaves=8)
#: A float is worth exactly these.
values = st.integers(-32, 32).map(lambda eighths: Fraction(eighths, 8))


@st.composite
def boxes(draw: Any) -> tuple[Interval, Fraction]:
    """An interval, and a number in it."""
    value = draw(values)
    low, high = (draw(st.none() | st.fractions(0, 3, max_denominator=4)) for _ in range(2))
    return (
        Interval(
            None if low is None else value - low,
            None if high is None else value + high,
            low is None or (low > 0 and draw(st.booleans())),
            high is None or (high > 0 and draw(st.booleans())),
        ),
        value,
    )


def value_of(expression: Expression, point: dict[str, Fraction]) -> Any:
    """Its value with 50 digits; nothing where it has none."""
    try:
        with mpmath.workdps(50):
            return Sample({name: float(value) for name, value in point.items()}, True).value(
                expression
            )
    except (ArithmeticError, ValueError, TypeError):
        return None


@settings(max_examples=150, deadline=None)
@given(expressions, st.tuples(boxes(), boxes(), boxes()))
def test_every_value_lies_in_its_interval(expression: Expression, places: Any) -> None:
    known = {name: box for name, (box, _) in zip(NAMES, places, strict=True)}
    value = value_of(expression, {n: v for n, (_, v) in zip(NAMES, places, strict=True)})
    assume(value is not None)
    found = bounds(expression, known)
    slack = mpmath.mpf(10) ** -12 * (1 + abs(value))
    if found.low is not None:
        assert value >= mpmath.mpf(found.low.numerator) / found.low.denominator - slack
    if found.high is not None:
        assert value <= mpmath.mpf(found.high.numerator) / found.high.denominator + slack
    if found.is_positive:
        assert value > 0
    if found.is_negative:
        assert value < 0


@settings(max_examples=200, deadline=None)
@given(expressions, st.tuples(values, values, values))
def test_folding_changes_no_value(expression: Expression, point: Any) -> None:
    whole = dict(zip(NAMES, point, strict=True))
    before = value_of(expression, whole)
    x = Operation("/", (Number(whole["x"].numerator), Number(whole["x"].denominator)))
    after = folded(expression, {"x": x})
    assume(before is not None)
    found = value_of(after, whole)
    assert found is not None
    assert abs(found - before) <= mpmath.mpf(10) ** -12 * (1 + abs(before))


terms = st.dictionaries(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1)),
    st.integers(-3, 3).map(Fraction),
    max_size=5,
)


def made(coefficients: dict[tuple[int, int, int], Fraction]) -> Polynomial:
    return {
        tuple((name, e) for name, e in zip(NAMES, exponents, strict=True) if e): value
        for exponents, value in coefficients.items()
        if value
    }


def at(found: Polynomial, point: dict[str, Fraction]) -> Fraction:
    return sum(
        (
            value * math.prod(point[name] ** exponent for name, exponent in monomial)
            for monomial, value in found.items()
        ),
        Fraction(0),
    )


@settings(max_examples=100, deadline=None)
@given(terms, st.tuples(boxes(), boxes(), boxes()))
def test_no_certificate_is_given_for_what_can_be_negative(coefficients: Any, places: Any) -> None:
    known = {name: box for name, (box, _) in zip(NAMES, places, strict=True)}
    point = {name: value for name, (_, value) in zip(NAMES, places, strict=True)}
    found = made(coefficients)
    if never_negative(found, known):
        assert at(found, point) >= 0


@settings(max_examples=100, deadline=None)
@given(terms)
def test_squares_get_one(coefficients: Any) -> None:
    root = made(coefficients)
    assert never_negative(times(root, root), {})


def test_what_a_variance_needs_gets_one() -> None:
    # r*(a**2 + s) + (1 - r)*g**2 - (r*a + (1 - r)*g)**2 with 0 <= r <= 1 and s >= 0.
    a, g, r, s = (Name(name) for name in "agrs")
    one_minus = Operation("-", (Number(1), r))

    def square(x: Expression) -> Expression:
        return Operation("**", (x, Number(2)))

    mean = Operation("+", (Operation("*", (r, a)), Operation("*", (one_minus, g))))
    second = Operation("*", (r, Operation("+", (square(a), s))))
    second = Operation("+", (second, Operation("*", (one_minus, square(g)))))
    found = polynomial(Operation("-", (second, square(mean))), {})
    unit = Interval(Fraction(0), Fraction(1), False, False)
    above = Interval(Fraction(0), None, False, True)
    assert never_negative(found, {"r": unit, "s": above})
    assert not never_negative(found, {"r": unit})
    assert not never_negative(found, {"s": above})
    assert not never_negative(plus({}, found, Fraction(-1)), {"r": unit, "s": above})
