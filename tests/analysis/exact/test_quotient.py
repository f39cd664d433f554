"""What comes out as 0 is 0: laws of arithmetic on random expressions, and values of random ones."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import mpmath
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from optgen.analysis.exact.interval import NONNEGATIVE, POSITIVE
from optgen.analysis.exact.polynomial import NotPolynomialError
from optgen.analysis.exact.quotient import Quotients
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, walk
from tests.analysis.exact.test_bounds import NAMES, expressions, value_of, values

KNOWN = {"x": POSITIVE, "y": NONNEGATIVE}


def op(operator: str, *operands: Expression) -> Operation:
    return Operation(operator, operands)


def over(a: Expression, b: Expression, c: Expression) -> Expression:
    return op("-", op("/", op("-", a, b), c), op("-", op("/", a, c), op("/", b, c)))


LAWS: dict[str, Callable[[Expression, Expression, Expression], Expression]] = {
    "distributive": lambda a, b, c: op(
        "-", op("*", op("+", a, b), c), op("+", op("*", c, a), op("*", c, b))
    ),
    "of a difference": lambda a, b, c: op("+", op("-", a, b), op("-", b, a)),
    "of a quotient": lambda a, b, c: over(a, b, op("+", op("abs", c), Number(1))),
    "of a square": lambda a, b, c: op("-", op("sqrt", op("*", a, a)), op("abs", a)),
    "of a root": lambda a, b, c: op("-", op("**", op("sqrt", a), Number(2)), a),
    "of a maximum": lambda a, b, c: op("-", op("max", a, b), op("max", b, a)),
}


@pytest.mark.parametrize("law", LAWS)
@settings(max_examples=30, deadline=None)
@given(expressions, expressions, expressions)
def test_laws_are_seen(law: str, a: Expression, b: Expression, c: Expression) -> None:
    # A square of a sum of roots isn't seen as one once the roots are multiplied out.
    assume(
        law != "of a square" or not {"sqrt", "abs"} & {getattr(p, "operator", "") for p in walk(a)}
    )
    with suppress(NotPolynomialError):
        assert Quotients(KNOWN).is_zero(LAWS[law](a, b, c))


@settings(max_examples=150, deadline=None)
@given(expressions, expressions, st.lists(st.tuples(values, values, values), max_size=6))
def test_what_comes_out_as_0_has_no_other_value(
    one: Expression, other: Expression, points: Any
) -> None:
    difference = op("-", op("*", one, other), op("*", other, op("abs", one)))
    with suppress(NotPolynomialError):
        if not Quotients(KNOWN).is_zero(difference):
            return
        for x, y, z in points:
            value = value_of(difference, dict(zip(NAMES, (1 + abs(x), abs(y), z), strict=True)))
            assert value is None or abs(value) < mpmath.mpf(10) ** -12


def test_a_root_of_a_square_may_have_either_sign() -> None:
    signed, positive = (op("-", op("sqrt", op("*", Name(n), Name(n))), Name(n)) for n in ("z", "x"))
    assert not Quotients(KNOWN).is_zero(signed)
    assert Quotients(KNOWN).is_zero(positive)


def test_roots_of_products_and_of_quotients_come_apart_where_nothing_is_negative() -> None:
    x, y, z = map(Name, NAMES)
    apart = op("/", op("sqrt", y), op("sqrt", x))
    assert Quotients(KNOWN).is_zero(op("-", op("sqrt", op("/", y, x)), apart))
    whole = op("sqrt", op("+", op("*", x, y), op("*", y, y)))
    product = op("*", op("sqrt", op("+", y, x)), op("sqrt", y))
    assert Quotients(KNOWN).is_zero(op("-", whole, product))
    unknown = op("-", op("sqrt", op("*", z, x)), op("*", op("sqrt", z), op("sqrt", x)))
    assert not Quotients({}).is_zero(unknown)
