"""Evaluation of expressions in multi-precision, by mpmath."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath

from optgen.compiler.ir.expression import Expression, Name, Number, Operation
from optgen.compiler.ir.function import Function
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.value import apply

DIGITS = 50
#: The limit on integer bits of an exponent or an angle. All digits of such an operand matter, and
#: memory is exhausted long before mpmath's exponent range. Numbers of float64 have 1024.
MOST_PLACES = 2000


def _within(places: Any) -> None:
    if places > MOST_PLACES:
        raise OverflowError("a number with too many places")


def _of_places(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def bounded(value: Any) -> Any:
        _within(mpmath.mag(value))
        return function(value)

    return bounded


def _of_mpmath(function: Function) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(mpmath, function.digits)
    return _of_places(found) if function.is_steep else found


def _power(base: Any, exponent: Any) -> Any:
    if base and exponent:
        _within(mpmath.mag(exponent) + int(mpmath.mag(base)).bit_length())
    return mpmath.power(base, exponent)


def _remainder(value: Any, divisor: Any) -> Any:
    if value and divisor:
        _within(mpmath.mag(value) - mpmath.mag(divisor))
    return value % divisor


#: Functions beyond Python's arithmetic, for real mpmath numbers.
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{f.name: _of_mpmath(f) for f in REGISTRY.values() if f.digits},
    "**": _power,
    "%": _remainder,
}


def precise(expression: Expression, numbers: Mapping[str, Any]) -> Any:
    """The value for mpmath numbers; literals have the exact values of their source text.

    Raises ArithmeticError, ValueError or TypeError if it is undefined, KeyError for an unknown name
    or operation.
    """
    match expression:
        case Number(value):
            return mpmath.mpf(repr(value))
        case Name(name):
            return numbers[name]
        case Operation("where", (condition, yes, no)):
            return precise(yes if precise(condition, numbers) else no, numbers)
        case Operation(operator, operands):
            found = [precise(operand, numbers) for operand in operands]
            if operator in FUNCTIONS:
                return _real(FUNCTIONS[operator](*found))
            # The remaining operations are Python arithmetic, for any type of number.
            return apply(operator, found)


def _real(value: Any) -> Any:
    """A finite real number; mpmath's functions return others outside of the real domain."""
    if isinstance(value, mpmath.mpc) or not mpmath.isfinite(value):
        raise ArithmeticError("no real number")
    return value
