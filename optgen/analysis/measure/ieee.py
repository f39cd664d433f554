"""Arithmetic as IEEE 754 has it, one operation after the other and each rounded by itself.

But for denormal numbers: they are zero, as in kernels.

A sum, product, quotient or root of two float32 that is rounded to float64 and then to float32 is
rounded once, in effect. What IEEE leaves open, powers and the like, is rounded from more digits.
So the same numbers come out on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from ctypes import c_float

import mpmath

from optgen.analysis.exact.digits import FUNCTIONS
from optgen.compiler.ir.expression import Expression, Name, Number, Operation
from optgen.compiler.ir.functions import REGISTRY
from optgen.compiler.ir.value import apply

#: The smallest normal number of float32, and the bits of its fraction.
SMALLEST, DIGITS = 2.0**-126, 23
_OPEN = {"**"} | {f.name for f in REGISTRY.values() if not f.is_rounded_correctly}
Numbers = Mapping[str, float]
#: Exceptions for undefined values: reductions over all elements, missing numbers, values outside a
#: domain.
NO_VALUE = (KeyError, TypeError, ArithmeticError, ValueError)


def to_float32(value: float) -> float:
    """The nearest float32."""
    return float(c_float(value).value)


def in_float32(expression: Expression, numbers: Numbers) -> float:
    """The value with every operation in float32. Raises what ``evaluate`` does."""
    match expression:
        case Number(value):
            return _flushed(to_float32(value))
        case Name(name):
            return _flushed(to_float32(numbers[name]))
        case Operation(operator, operands):
            found = _applied(operator, [in_float32(one, numbers) for one in operands])
            return _flushed(to_float32(found))


def _flushed(value: float) -> float:
    """A subnormal number flushed to the zero of its sign, as in kernels."""
    return math.copysign(0.0, value) if abs(value) < SMALLEST else value


def in_float64(expression: Expression, numbers: Numbers) -> float:
    """The value with every operation in float64."""
    match expression:
        case Number(value):
            return float(value)
        case Name(name):
            return numbers[name]
        case Operation(operator, operands):
            return _applied(operator, [in_float64(one, numbers) for one in operands])


def _applied(operator: str, values: list[float]) -> float:
    if operator == "square":
        return values[0] * values[0]
    if operator in _OPEN:
        with mpmath.workprec(120):
            return float(FUNCTIONS[operator](*map(mpmath.mpf, values)))
    return float(apply(operator, values))


def error_in_ulps(value: float, exact: mpmath.mpf, magnitude: mpmath.mpf | None = None) -> float:
    """The error of a number in float32 ulps of its exact value, or of ``magnitude``.

    Errors below the smallest normal number don't count.
    """
    off = abs(mpmath.mpf(value) - exact)
    if off < SMALLEST:
        return 0.0
    size = exact if magnitude is None else magnitude
    exponent = max(int(mpmath.frexp(size)[1]), -125) if size else -125
    return float(off / mpmath.mpf(2) ** (exponent - 1 - DIGITS))


def is_finite(value: float) -> bool:
    """Whether a number is finite in float32."""
    return math.isfinite(to_float32(value))
