"""The operators and functions of the language on numbers with bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from operator import or_

import numpy as np

from tests.random_programs.bounded import Array, Level, Number, Rounding, Truth

#: Units in the last place that exponentials, logarithms and powers may be off.
ELEMENTARY = 4
#: The same for hyperbolic tangents and angles.
TRIGONOMETRIC = 8


def joined(levels: Iterable[Level]) -> Level:
    """The level of what is computed from values of these levels."""
    return reduce(or_, levels, Level.HOST)


def common(rounding: Rounding, *numbers: Number) -> tuple[list[Number], Level, Array]:
    """Numbers at the highest of their levels, that level, and where all are known."""
    level = joined(number.level for number in numbers)
    raised = [rounding.at(number, level) for number in numbers]
    known = np.logical_and.reduce([number.known for number in raised])
    return raised, level, known


def _settle(
    rounding: Rounding, value: Array, error: Array, level: Level, known: Array, definite: Array
) -> Number:
    return rounding.settled(value, np.where(known, error, np.inf), level, known & definite)


def add(rounding: Rounding, x: Number, y: Number) -> Number:
    (a, b), level, known = common(rounding, x, y)
    return _settle(rounding, a.value + b.value, a.error + b.error, level, known, known)


def negative(rounding: Rounding, x: Number) -> Number:
    return Number(-x.value, x.error, x.level)


def subtract(rounding: Rounding, x: Number, y: Number) -> Number:
    return add(rounding, x, negative(rounding, y))


def _nonzero(x: Number) -> Array:
    """Where a number is far enough from zero, or known to the last bit."""
    return np.asarray((abs(x.value) > x.error) | (x.error == 0))


def multiply(rounding: Rounding, x: Number, y: Number) -> Number:
    (a, b), level, known = common(rounding, x, y)
    error = abs(a.value) * b.error + abs(b.value) * a.error + a.error * b.error
    return _settle(rounding, a.value * b.value, error, level, known, _nonzero(a) & _nonzero(b))


def divide(rounding: Rounding, x: Number, y: Number) -> Number:
    (a, b), level, known = common(rounding, x, y)
    value = a.value / b.value
    away = abs(b.value) - b.error
    known &= (away > 0) | np.isnan(b.value) | ((b.value == 0) & (b.error == 0))
    error = (a.error + abs(value) * b.error) / np.where(away > 0, away, 1)
    # The sign of a zero is nobody's business, and with it that of an infinity.
    is_zero = (b.value == 0) & (a.value != 0) & ~np.isnan(a.value)
    vague = (b.value == 0) & (a.error > 0)
    return _settle(rounding, value, error, level, known, ~is_zero & ~vague)


def modulo(rounding: Rounding, x: Number, y: Number) -> Number:
    """The remainder with the divisor's sign; near a multiple it may be either end."""
    (a, b), level, known = common(rounding, x, y)
    value = np.mod(a.value, b.value)
    quotient = a.value / b.value
    away = abs(b.value) - b.error
    known &= (away > 0) | ((b.value == 0) & (b.error == 0) & (a.error == 0))
    known &= np.isfinite(b.value)
    vague = (a.error + abs(quotient) * b.error) / np.where(away > 0, away, 1)
    jumps = (vague > 0) & (abs(quotient - np.rint(quotient)) <= 2 * vague)
    error = a.error + (abs(quotient) + 1) * b.error
    error = np.where(jumps, abs(b.value) + b.error + error, error)
    return _settle(rounding, value, error, level, known, known)


def root(rounding: Rounding, x: Number) -> Number:
    value = np.sqrt(x.value)
    low = x.value - x.error
    error = np.where(x.error > 0, value - np.sqrt(np.maximum(low, 0)), 0)
    known = x.known & ((low >= 0) | (x.value + x.error < 0) | np.isnan(x.value))
    return _settle_units(rounding, value, error, x.level, known, 2)


def exponential(rounding: Rounding, x: Number) -> Number:
    value = np.exp(x.value)
    return _settle_units(rounding, value, value * np.expm1(x.error), x.level, x.known, ELEMENTARY)


def logarithm(rounding: Rounding, x: Number) -> Number:
    value, low = np.log(x.value), x.value - x.error
    certain = (low > 0) | (x.value + x.error < 0) | (x.error == 0) | np.isnan(x.value)
    error = -np.log1p(-np.where(low > 0, x.error / abs(x.value), 0))
    return _settle_units(rounding, value, error, x.level, x.known & certain, ELEMENTARY)


def tangent(rounding: Rounding, x: Number) -> Number:
    """The hyperbolic one, which rises."""
    value = np.tanh(x.value)
    off = np.maximum(np.tanh(x.value + x.error) - value, value - np.tanh(x.value - x.error))
    return _settle_units(rounding, value, off, x.level, x.known, TRIGONOMETRIC)


def angle(rounding: Rounding, y: Number, x: Number) -> Number:
    """The angle of a point; at the negative axis, and at the origin, it may be either end."""
    (a, b), level, known = common(rounding, y, x)
    value = np.arctan2(a.value, b.value)
    away, off = np.hypot(a.value, b.value), np.hypot(a.error, b.error)
    # The cross product of a point and one that is off is that of both sizes and a sine.
    cross = abs(b.value) * a.error + abs(a.value) * b.error
    clear = (off < away) & ((b.value - b.error > 0) | (abs(a.value) > a.error))
    sine = cross / np.where(clear, away * (away - off), 1)
    error = np.where(clear, np.where(cross > 0, np.pi / 2 * sine, 0), 2 * np.pi)
    return _settle_units(rounding, value, error, level, known, TRIGONOMETRIC)


def floor(rounding: Rounding, x: Number) -> Number:
    """The largest whole number below; near a whole number it may be the one before."""
    value = np.floor(x.value)
    off = np.maximum(np.floor(x.value + x.error) - value, value - np.floor(x.value - x.error))
    error = np.where(x.error > 0, off, 0)
    return Number(value, np.where(x.known & ~np.isnan(error), error, np.inf), x.level)


def _settle_units(
    rounding: Rounding, value: Array, error: Array, level: Level, known: Array, units: float
) -> Number:
    """A result of a function that isn't rounded correctly."""
    found = _settle(rounding, value, error, level, known, known)
    inexact = np.isfinite(found.value) & (found.error > 0)
    more = rounding(found.value, found.error, level, units)
    return Number(
        np.where(inexact, more.value, found.value),
        np.where(inexact, more.error, found.error),
        level,
    )


def size(rounding: Rounding, x: Number) -> Number:
    return Number(abs(x.value), x.error, x.level)


def sign(rounding: Rounding, x: Number) -> Number:
    error = np.where(_nonzero(x), 0.0, 2.0)
    return Number(np.sign(x.value), np.where(x.known, error, np.inf), x.level)


def power(rounding: Rounding, x: Number, y: Number, whole: int | None) -> Number:
    """``whole`` is the exponent where it is written as a whole number: a power is a product."""
    if whole is None:
        return _any_power(rounding, x, y)
    if whole < 0:
        one = Number(np.ones_like(x.value), np.zeros_like(x.error), Level.HOST)
        return divide(rounding, one, power(rounding, x, y, -whole))
    if whole == 0:
        return Number(np.ones_like(x.value), np.zeros_like(x.error), x.level)
    if whole == 1:
        return x
    value = x.value**whole
    most = (abs(x.value) + x.error) ** whole
    error = np.where(x.error > 0, most - abs(value), 0)
    found = _settle(rounding, value, error, x.level, x.known, x.known)
    if whole == 2:
        return found
    inexact = np.isfinite(found.value) & (found.value != 0)
    more = rounding(value, np.where(x.known, error, np.inf), x.level, whole)
    return Number(found.value, np.where(inexact, more.error, found.error), x.level)


def _any_power(rounding: Rounding, x: Number, y: Number) -> Number:
    (a, b), level, known = common(rounding, x, y)
    value = np.power(a.value, b.value)
    known &= np.isfinite(a.value) & np.isfinite(b.value)
    positive = a.value - a.error > 0
    is_root = (a.value + a.error < 0) & (b.error == 0) & (b.value != np.rint(b.value))
    zero = (a.value == 0) & (a.error == 0) & (b.value - b.error > 0)
    known &= positive | is_root | zero
    safe = np.where(positive, abs(a.value), 1)
    relative = -np.log1p(-np.where(positive, a.error / safe, 0))
    logarithm = abs(np.log(safe))
    grown = np.expm1((abs(b.value) + b.error) * relative + b.error * logarithm)
    units = ELEMENTARY + abs(b.value) * logarithm
    settled = _settle(rounding, value, abs(value) * grown, level, known, is_root)
    more = rounding(settled.value, settled.error, level, units)
    finite = np.isfinite(settled.value) & ~zero
    return Number(settled.value, np.where(finite, more.error, settled.error), level)


def _extreme(rounding: Rounding, x: Number, y: Number, larger: bool) -> Number:
    (a, b), level, known = common(rounding, x, y)
    choose = np.maximum if larger else np.minimum
    value = choose(a.value, b.value)
    first = compare(rounding, ">" if larger else "<", a, b)
    chosen = np.where(first.value, a.error, b.error)
    error = np.where(first.sure, chosen, np.maximum(a.error, b.error))
    error = np.where(np.isnan(value), 0, error)
    return Number(value, np.where(known, error, np.inf), level)


def largest(rounding: Rounding, x: Number, y: Number) -> Number:
    return _extreme(rounding, x, y, True)


def smallest(rounding: Rounding, x: Number, y: Number) -> Number:
    return _extreme(rounding, x, y, False)


def clip(rounding: Rounding, x: Number, low: Number, high: Number) -> Number:
    (value, least, most), level, _ = common(rounding, x, low, high)
    found = smallest(rounding, largest(rounding, value, least), most)
    in_order = compare(rounding, "<=", least, most)
    known = found.known & in_order.value & in_order.sure
    error = np.where(np.isnan(value.value) & value.known & known, 0, found.error)
    return Number(found.value, np.where(known, error, np.inf), level)


_COMPARE: Mapping[str, Callable[[Array, Array], Array]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}


def compare(rounding: Rounding, operator: str, x: Number, y: Number) -> Truth:
    (a, b), level, known = common(rounding, x, y)
    exact = (a.error == 0) & (b.error == 0)
    nan = np.isnan(a.value) | np.isnan(b.value)
    sure = known & (exact | nan | (abs(a.value - b.value) > a.error + b.error))
    return Truth(_COMPARE[operator](a.value, b.value), sure, level)


def both(x: Truth, y: Truth) -> Truth:
    sure = (x.sure & y.sure) | (x.sure & ~x.value) | (y.sure & ~y.value)
    return Truth(x.value & y.value, sure, x.level | y.level)


def opposite(x: Truth) -> Truth:
    return Truth(~x.value, x.sure, x.level)


def either(x: Truth, y: Truth) -> Truth:
    return opposite(both(opposite(x), opposite(y)))


def choice(rounding: Rounding, condition: Truth, x: Number, y: Number) -> Number:
    """One of two; both, where the condition isn't sure."""
    level = x.level | y.level | condition.level
    a, b = rounding.at(x, level), rounding.at(y, level)
    value = np.where(condition.value, a.value, b.value)
    either_error = abs(a.value - b.value) + np.maximum(a.error, b.error)
    either_error = np.where(np.isfinite(either_error), either_error, np.inf)
    error = np.where(condition.value, a.error, b.error)
    return Number(value, np.where(condition.sure, error, either_error), level)


def chosen(condition: Truth, x: Truth, y: Truth) -> Truth:
    """A condition chosen by another."""
    value = np.where(condition.value, x.value, y.value)
    same = x.sure & y.sure & (x.value == y.value)
    sure = np.where(condition.sure, np.where(condition.value, x.sure, y.sure), same)
    return Truth(value, sure, x.level | y.level | condition.level)
