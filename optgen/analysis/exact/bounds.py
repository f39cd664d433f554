"""Exact interval bounds of expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from optgen.analysis.exact.images import image
from optgen.analysis.exact.interval import (
    EVERYTHING,
    NONNEGATIVE,
    ONE,
    POINT_ZERO,
    POSITIVE,
    ZERO,
    Interval,
)
from optgen.analysis.exact.matrix_facts import FACTS
from optgen.analysis.exact.reductions import of_every_element
from optgen.analysis.exact.work import spend
from optgen.compiler.ir.expression import Expression, Name, Number, Operation
from optgen.compiler.ir.functions import PI_ABOVE, REGISTRY
from optgen.compiler.ir.reduction import REDUCERS, Combination, Reducer

Known = Mapping[str, Interval]
_UNIT = Interval(-ONE, ONE, False, False)


def bounds(expression: Expression, known: Known) -> Interval:
    """An interval enclosure of all values of an expression, in exact arithmetic."""
    match expression:
        case Number(value):
            return Interval.point(Fraction(repr(value)))
        case Name(name):
            return known.get(name, EVERYTHING)
        case Operation(operator, operands):
            return _operation(operator, operands, known)


def _operation(operator: str, operands: tuple[Expression, ...], known: Known) -> Interval:
    spend(4)
    if operator == "*" and operands[0] == operands[1]:
        return bounds(operands[0], known).power(2)
    if operator == "-" and operands[0] == operands[1]:
        return Interval.point(ZERO)
    if operator == "**":
        return _power(operands[0], operands[1], known)
    if operator == "where":
        return bounds(operands[1], known).join(bounds(operands[2], known))
    if operator in FACTS:
        return FACTS[operator].elements
    if operator in REDUCERS:
        return _reduced(REDUCERS[operator], operands[0], known)
    if operator not in _OPERATIONS and operator not in REGISTRY:
        return EVERYTHING
    found = [bounds(operand, known) for operand in operands]
    own = _OPERATIONS.get(operator)
    return image(REGISTRY[operator], found) if own is None else own(*found)


def _reduced(reducer: Reducer, operand: Expression, known: Known) -> Interval:
    """Reductions of the values of all elements, one of which is the element of ``known``."""
    of_all = of_every_element(known)
    own = bounds(operand, known)
    every = own if of_all is known else bounds(operand, of_all)
    if reducer.is_norm:
        size = own.magnitude()
        return every if every == POINT_ZERO else Interval(size.low, None, size.low_open, True)
    if reducer.combination is Combination.LARGEST:
        return Interval(own.low, every.high, own.low_open, every.high_open)
    if reducer.combination is Combination.SMALLEST:
        return Interval(every.low, own.high, every.low_open, own.high_open)
    if every.is_nonpositive and every != POINT_ZERO:
        return -_summed(reducer, -own, -every)
    return _summed(reducer, own, every)


def _summed(reducer: Reducer, own: Interval, every: Interval) -> Interval:
    """Sums and means, which have a bound on the side that their terms lie on."""
    if reducer.is_mean:
        is_above = every.is_nonnegative and own.is_positive
        return every.meet(POSITIVE) if is_above else every
    if every.is_nonnegative and every != POINT_ZERO:
        return Interval(own.low, None, own.low_open, True)
    return every if every == POINT_ZERO else EVERYTHING


def _angle(y: Interval, x: Interval) -> Interval:
    """Angles in a half plane; for x below 0, y = 0 may give pi or -pi."""
    high = PI_ABOVE / 2 if x.is_nonnegative else PI_ABOVE
    whole = Interval(-high, high, False, False)
    if y.is_positive or y.is_negative:
        return whole.meet(POSITIVE if y.is_positive else -POSITIVE)
    if x.is_nonnegative and (y.is_nonnegative or y.is_nonpositive):
        return whole.meet(NONNEGATIVE if y.is_nonnegative else -NONNEGATIVE)
    return whole


def _clipped(a: Interval, low: Interval, high: Interval) -> Interval:
    """The clip to a range; values below ``low`` give ``low``, even if it exceeds ``high``."""
    nearest = -((-a.largest(low)).largest(-high))
    below = low.meet(Interval(a.low, None))
    return nearest if below.is_empty else nearest.join(below)


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
    if below_one and b.is_nonnegative:
        # x**y <= 1 for 0 <= x <= 1 and y >= 0; 0**0 is 1.
        return Interval(ZERO, ONE, a.is_positive, False)
    if a.low is not None and a.low >= 1 and b.is_nonpositive:
        # x**y <= 1 for x >= 1 and y <= 0.
        return Interval(ZERO, ONE, True, False)
    if a.low is not None and a.low >= 1 and b.low is not None and b.low >= 1:
        # x**y >= x for x >= 1 and y >= 1.
        return Interval(a.low, None, a.low_open, True)
    if a.is_positive:
        return POSITIVE
    return NONNEGATIVE if a.is_nonnegative else EVERYTHING


#: The interval of each operation as a function of its operands' intervals. Other functions follow
#: from the registry; any other operation is unbounded.
_OPERATIONS: Mapping[str, Callable[..., Interval]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "neg": lambda a: -a,
    "abs": lambda a: a.magnitude(),
    "sqrt": lambda a: a.root(),
    "max": lambda a, b: a.largest(b),
    "min": lambda a, b: -((-a).largest(-b)),
    "clip": _clipped,
    "atan2": _angle,
    "sign": _sign,
}
