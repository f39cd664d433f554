"""Images of intervals under functions, from their entries in the registry."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath

from optgen.analysis.exact.interval import NONNEGATIVE, POSITIVE, Bound, Interval
from optgen.analysis.exact.work import spend
from optgen.compiler.ir.function import Function

#: The binary digits of an enclosure.
_PLACES = 80
#: The limit on arguments of steep functions that are evaluated.
_STEEPEST = 500
#: The cost of an enclosure, in units of work.
_WORK = 20
_DOMAINS = {">= 0": NONNEGATIVE, "> 0": POSITIVE, "": Interval()}


def image(function: Function, operands: list[Interval]) -> Interval:
    """An interval enclosure of a function's values over intervals of its arguments.

    For an increasing function of one argument, the values at the endpoints; otherwise the
    function's range.
    """
    whole = function.range
    full = Interval(whole.low, whole.high, whole.is_open, whole.is_open)
    if len(operands) > 1 or not function.is_increasing:
        return full
    inside = operands[0].meet(_DOMAINS[function.domain])
    if inside.is_empty:
        return full
    low, low_open = _end(function, inside.low, inside.low_open, down=True)
    high, high_open = _end(function, inside.high, inside.high_open, down=False)
    return Interval(low, high, low_open, high_open).meet(full)


def _end(function: Function, end: Bound, is_open: bool, *, down: bool) -> tuple[Bound, bool]:
    """A bound of the values on one side of an argument, and whether the bound is open."""
    if end is None:
        return None, True
    exact = function.exact(end) if function.exact is not None else None
    if exact is not None:
        return exact, is_open and function.is_strict
    if function.is_steep and abs(end) > _STEEPEST:
        if (end > 0) != down:
            return None, True
        end = Fraction(_STEEPEST if end > 0 else -_STEEPEST)
    return _enclosed(function, end, down=down), False


def _enclosed(function: Function, argument: Fraction, *, down: bool) -> Bound:
    """A lower or an upper bound of an increasing function's value."""
    spend(_WORK)
    # The argument is rounded in one direction; the value is moved by more than the library's error.
    with mpmath.workprec(2 * _PLACES):
        side = "f" if down else "c"
        nearest = mpmath.fdiv(argument.numerator, argument.denominator, rounding=side)
        try:
            found = getattr(mpmath, function.digits)(nearest)
        except (ArithmeticError, ValueError):
            return None
    if not mpmath.isfinite(found):
        return None
    value = _fraction(found)
    return value + abs(value) * Fraction(-1 if down else 1, 2**_PLACES)


def _fraction(number: Any) -> Fraction:
    sign, mantissa, exponent, _ = number._mpf_
    return Fraction(-int(mantissa) if sign else int(mantissa)) * Fraction(2) ** int(exponent)
