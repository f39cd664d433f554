"""Which values an expression may have: exact intervals over its tree."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from optgen.compiler.nouns.expression import Expression, Name, Number, Operation
from optgen.compiler.prove.interval import (
    EVERYTHING,
    NONNEGATIVE,
    ONE,
    POSITIVE,
    ZERO,
    Interval,
)

Known = Mapping[str, Interval]
_UNIT = Interval(-ONE, ONE, False, False)


def bounds(expression: Expression, known: Known) -> Interval:
    """An interval that holds every value that an expression may have; exact arithmetic."""
    match expression:
        case Number(value):
            return Interval.point(Fraction(repr(value)))
        case Name(name):
            return known.get(name, EVERYTHING)
        case Operation(operator, operands):
            return _operation(operator, operands, known)


def _operation(operator: str, operands: tuple[Expression, ...], known: Known) -> Interval:
    if operator == "*" and operands[0] == operands[1]:
        return bounds(operands[0], known).power(2)
    if operator == "**":
        return _power(operands[0], operands[1], known)
    if operator == "where":
        return bounds(operands[1], known).join(bounds(operands[2], known))
    found = [bounds(operand, known) for operand in operands]
    match operator, found:
        case "+", [a, b]:
            return a + b
        case "-", [a, b]:
            return Interval.point(ZERO) if operands[0] == operands[1] else a - b
        case "*", [a, b]:
            return a * b
        case "/", [a, b]:
            return a / b
        case "neg", [a]:
            return -a
        case "abs", [a]:
            return a.magnitude()
        case "sqrt", [a]:
            return a.root()
        case "max", [a, b]:
            return a.largest(b)
        case "min", [a, b]:
            return -((-a).largest(-b))
        case "clip", [a, low, high]:
            return -((-a.largest(low)).largest(-high))
        case "exp", [a]:
            return POSITIVE if not a.is_nonnegative else Interval(ONE, None, False, True)
        case "sign", [a]:
            return _sign(a)
        case "norm" | "global_norm", _:
            return NONNEGATIVE
    return EVERYTHING


def _sign(a: Interval) -> Interval:
    if a.is_positive:
        return Interval.point(ONE)
    if a.is_negative:
        return Interval.point(-ONE)
    if a.is_nonnegative:
        return Interval(ZERO, ONE, False, False)
    return -Interval(ZERO, ONE, False, False) if a.is_nonpositive else _UNIT


def _power(base: Expression, exponent: Expression, known: Known) -> Interval:
    a, b = bounds(base, known), bounds(exponent, known)
    if b.low is not None and b.low == b.high:
        if b.low.denominator == 1 and 0 <= b.low <= 64:
            return a.power(int(b.low))
        if b.low == Fraction(1, 2):
            return a.root()
    below_one = a.is_nonnegative and a.high is not None and a.high <= 1
    if below_one and b.low is not None and b.low >= 1:
        # x**y <= x for 0 <= x <= 1 and y >= 1.
        return Interval(ZERO, a.high, a.low_open and a.low == 0, a.high_open)
    if a.is_positive:
        return POSITIVE
    return NONNEGATIVE if a.is_nonnegative else EVERYTHING
