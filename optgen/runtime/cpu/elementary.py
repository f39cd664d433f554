"""Vectorizable elementary functions: exp, log, tanh, atan2, floor.

Calls of the C library handle one number at a time and stall a loop that otherwise runs at memory
speed. These versions are branch-free arithmetic and bit operations, so the compiler vectorizes
them. They are Taylor series after range reduction: ``x - k*log(2)`` for the exponential, ``s`` in
``log((1 + s)/(1 - s))`` for the logarithm, and for angles the tangent of the remainder modulo an
eighth of a turn. Error bounds are in the registry of functions (``compiler/ir/functions.py``) and
are tested; denormal results are zero, as everywhere in kernels, and zeros are positive.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from optgen.runtime.cpu.formats import FORMATS, Format

_INLINED = {"jit_options": {"error_model": "numpy", "forceinline": True}}


def exp(x: float) -> float:
    """The exponential of a number."""
    return math.exp(x)


def log(x: float) -> float:
    """The natural logarithm; -inf of zero, and NaN of what is less."""
    return math.log(x)


def tanh(x: float) -> float:
    """The hyperbolic tangent."""
    return math.tanh(x)


def atan2(y: float, x: float) -> float:
    """The angle of the point (x, y), from -pi to pi; 0 for the origin."""
    return math.atan2(y, x)


def floor(x: float) -> float:
    """The largest whole number that isn't above a number, in its type; NaN and infinities stay."""
    return float(np.floor(x))


def _series(coefficients: Callable[[Format], list[float]]) -> Any:
    """A power series, whose coefficients are constants of a loop."""

    @intrinsic
    def series(context: Any, x: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            (argument,) = arguments
            *others, total = [
                ir.Constant(argument.type, number) for number in coefficients(FORMATS[x])
            ]
            for number in reversed(others):
                total = builder.fadd(builder.fmul(total, argument), number)
            return total

        return x(x), generate

    return series


_of_exponential = _series(lambda f: [1 / math.factorial(n) for n in range(2, f.exponential)])
_of_logarithm = _series(lambda f: [2 / (2 * n + 3) for n in range(f.logarithm)])
_of_angle = _series(lambda f: [(-1) ** n / (2 * n + 1) for n in range(1, f.angle)])


@intrinsic
def _power_of_two(context: Any, shifted: Any) -> Any:
    """2 to the power of the integer in the lowest bits of a number."""
    found = FORMATS[shifted]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], found.integer)
        bits = builder.shl(bits, found.constant(found.fraction))
        bits = builder.add(bits, found.constant(found.bits(1.0)))
        return builder.bitcast(bits, arguments[0].type)

    return shifted(shifted), generate


@intrinsic
def _split(context: Any, x: Any) -> Any:
    """A number as a fraction from the root of a half to that of two, and a power of two.

    The exponent is in the lowest bits of a number, as an integer.
    """
    found = FORMATS[x]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], found.integer)
        above = builder.sub(bits, found.constant(found.bits(math.sqrt(0.5))))
        exponent = builder.ashr(above, found.constant(found.fraction))
        fraction = builder.sub(bits, builder.shl(exponent, found.constant(found.fraction)))
        shifted = builder.add(exponent, found.constant(found.bits(found.whole)))
        both = [builder.bitcast(one, arguments[0].type) for one in (fraction, shifted)]
        return context.make_tuple(builder, signature.return_type, both)

    return types.UniTuple(x, 2)(x), generate


@overload(exp, **_INLINED)
def _exp(x: Any) -> Any:
    found = FORMATS.get(x)
    if found is None:
        return None
    zero, one, infinity, whole, per_log_2, high, low, least, most = found.numbers(
        0.0, 1.0, math.inf, found.whole, 1 / math.log(2), *found.log_2, *found.range_of_exp
    )

    def compute(x: Any) -> Any:
        shifted = x * per_log_2 + whole
        k = shifted - whole
        rest = (x - k * high) - k * low
        grown = one + (rest + rest * rest * _of_exponential(rest))
        # In two steps: 2**128 is too large for a float32 where its product isn't.
        up = one if k > zero else zero
        value = grown * _power_of_two(shifted - up) * (one + up)
        return infinity if x > most else (zero if x < least else value)

    return compute


@overload(log, **_INLINED)
def _log(x: Any) -> Any:
    found = FORMATS.get(x)
    if found is None:
        return None
    zero, half, one, two, infinity, nan, whole, high, low, least, most = found.numbers(
        0.0, 0.5, 1.0, 2.0, math.inf, math.nan, found.whole, *found.log_2, *found.range
    )

    def compute(x: Any) -> Any:
        fraction, shifted = _split(x)
        k, f = shifted - whole, fraction - one
        s = f / (two + f)
        square = s * s
        halved = half * f * f
        tail = s * (halved + square * _of_logarithm(square)) + k * low
        value = k * high - ((halved - tail) - f)
        special = infinity if x > most else (-infinity if x >= zero else nan)
        return value if x >= least and x <= most else special

    return compute


@overload(tanh, **_INLINED)
def _tanh(x: Any) -> Any:
    found = FORMATS.get(x)
    if found is None:
        return None
    zero, one, two, most, whole, per_log_2, high, low = found.numbers(
        0.0, 1.0, 2.0, found.saturation, found.whole, 1 / math.log(2), *found.log_2
    )

    def compute(x: Any) -> Any:
        size = abs(x)
        double = -two * (most if size > most else size)
        shifted = double * per_log_2 + whole
        k = shifted - whole
        rest = (double - k * high) - k * low
        power = _power_of_two(shifted)
        # The exponential less 1: near 0 nothing is lost.
        less = power * (rest + rest * rest * _of_exponential(rest)) + (power - one)
        value = (zero - less) / (less + two)
        return -value if x < zero else value

    return compute


@overload(atan2, **_INLINED)
def _atan2(y: Any, x: Any) -> Any:
    found = FORMATS.get(x)
    if found is None or x != y:
        return None
    zero, quarter, half, one, eighth, pi, more = found.numbers(
        0.0, 0.25, 0.5, 1.0, math.sqrt(2) - 1, *found.half_circle
    )

    def compute(y: Any, x: Any) -> Any:
        above, beside = abs(y), abs(x)
        steep = above > beside
        short, long = (beside, above) if steep else (above, beside)
        ratio = short / long
        ratio = zero if short + long == zero else (one if short == long else ratio)
        # Beyond an eighth of a turn, what is left of a quarter.
        large = ratio > eighth
        tangent = (ratio - one) / (ratio + one) if large else ratio
        square = tangent * tangent
        angle = tangent + tangent * square * _of_angle(square)
        angle = quarter * pi + (angle + quarter * more) if large else angle
        angle = half * pi - (angle - half * more) if steep else angle
        angle = pi - (angle - more) if x < zero else angle
        return -angle if y < zero else angle

    return compute


@overload(floor, **_INLINED)
def _floor(x: Any) -> Any:
    if x not in FORMATS:
        return None

    def compute(x: Any) -> Any:
        # That of ``math`` is an integer, which has no NaN.
        return np.floor(x)

    return compute
