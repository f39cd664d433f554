"""Rounding error analysis: by how many roundings a value may be off, proved for all inputs.

A rounding multiplies a result by ``1 + d`` with ``|d| <= u`` (the standard model; u is half an ulp
of 1). A value is off by n roundings if it is the exact one times a factor between ``(1 - u)**n``
and ``(1 - u)**-n``. The relation covers all orders of u, and is closed under arithmetic: products
and quotients add the counts of their operands and 1, a sum of terms with one sign has the larger
count and 1 more, a root halves its operand's. See Higham, Accuracy and Stability of Numerical
Algorithms, 2002, chapter 3.

Where the terms of a sum may differ in sign, the error is bounded by the same part of the sum of
their magnitudes, and the count cancels. Products keep such a bound, and so do quotients in the top;
roots and divisors don't. A fused multiplication and addition saves a rounding, so the counts hold
with and without it. Values that overflow or become denormal aren't covered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from optgen.analysis.exact.bounds import bounds
from optgen.analysis.exact.interval import POINT_ZERO, Interval
from optgen.analysis.exact.ranges import number
from optgen.analysis.measure.equivalence import raised
from optgen.analysis.measure.ieee import to_float32
from optgen.compiler.ir.expression import COMPARISONS, Expression, Name, Number, Operation, text
from optgen.compiler.ir.functions import REGISTRY

#: The unit roundoff: half an ulp of 1.
SINGLE, DOUBLE = Fraction(1, 2**24), Fraction(1, 2**53)
#: The rounding count of a power: libraries have errors up to 8 ulps.
_POWER = Fraction(1601, 100)
#: The largest magnitude of the logarithm of a normal number, per format.
_LOGARITHMS: Mapping[Fraction, int] = {SINGLE: 89, DOUBLE: 710}
#: The limit on relative errors that count as roundings, and the factor for higher orders.
_SMALL, _MARGIN = Fraction(1, 100), Fraction(105, 100)


class NoBoundError(Exception):
    """The rounding error is unbounded; the message names the cause."""


@dataclass(frozen=True)
class Count:
    """The rounding count of a value; relative to its terms' magnitudes if it ``cancels``."""

    roundings: Fraction
    cancels: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether the value has no error."""
        return not self.roundings

    def plus(self, more: Fraction | int, *others: Count) -> Count:
        """The count of a product with this many additional roundings."""
        total = self.roundings + sum((other.roundings for other in others), Fraction(more))
        return Count(total, self.cancels or any(other.cancels for other in others))


EXACT = Count(Fraction(0))
#: The count of a name, or the reason why it has no bound.
Counts = Mapping[str, Count | str]


class Analysis:
    """Rounding counts of expressions over names with known counts and intervals, in one format."""

    def __init__(self, unit: Fraction, counts: Counts, known: Mapping[str, Interval]) -> None:
        self._unit = unit
        self.counts, self.known = dict(counts), dict(known)
        #: Sums with an error relative to their own value, for any signs of their terms.
        self.relative: set[Expression] = set()

    def assign(self, target: str, expression: Expression) -> None:
        """Set the count and the interval of a reassigned name."""
        interval = self.interval(expression)
        try:
            self.counts[target] = self.of(expression)
        except NoBoundError as error:
            self.counts[target] = str(error)
        self.known[target] = interval

    def interval(self, expression: Expression) -> Interval:
        """An interval enclosure of an expression's exact value."""
        return bounds(raised(expression), self.known)

    def of(self, expression: Expression) -> Count:
        """The count of an expression. Raises NoBoundError."""
        match expression:
            case Number(value):
                return EXACT if self._holds(value) else Count(Fraction(1))
            case Name(name):
                found = self.counts.get(name, f"{name} is a sum over a tensor, or made of one")
                if isinstance(found, str):
                    raise NoBoundError(found)
                return found
            case Operation(operator, operands):
                return self._operation(expression, operator, operands)

    def _holds(self, value: float) -> bool:
        return self._unit == DOUBLE or to_float32(value) == value

    def _operation(
        self, whole: Operation, operator: str, operands: tuple[Expression, ...]
    ) -> Count:
        if operator == "where":
            self._check_condition(operands[0])
            return _largest(*map(self.of, operands[1:]))
        if operator in COMPARISONS or operator in ("and", "or", "not"):
            self._check_condition(whole)
            return EXACT
        found = [self.of(operand) for operand in operands]
        match operator:
            case "+" | "-":
                count = self._sum(whole, *found)
                if not count.cancels:
                    self.relative.add(whole)
                return count
            case "*":
                return found[0].plus(not any(map(_is_power_of_two, operands)), found[1])
            case "square":
                return found[0].plus(1, found[0])
            case "/":
                _needs_no_cancelling(found[1], operands[1], "divides")
                return found[0].plus(not _is_power_of_two(operands[1]), found[1])
            case "neg" | "abs":
                return found[0]
            case "**":
                return self._power(whole, *found)
        return self._function(whole, operator, found)

    def _sum(self, whole: Operation, one: Count, other: Count) -> Count:
        """Terms of one sign preserve relative errors; other errors are relative to magnitudes."""
        left, right = map(self.interval, whole.operands)
        if whole.operator == "-":
            right = -right
        largest = _largest(one, other)
        if POINT_ZERO in (left, right):
            return largest
        alike = (left.is_nonnegative and right.is_nonnegative) or (
            left.is_nonpositive and right.is_nonpositive
        )
        if alike:
            return largest.plus(1)
        if one.is_exact and other.is_exact:
            return Count(Fraction(1))
        if not largest.cancels:
            spread = self._amplified(whole, left, right, one, other)
            if spread is not None:
                return Count(spread + 1)
        return Count(largest.roundings + 1, True)

    def _amplified(
        self, whole: Operation, left: Interval, right: Interval, one: Count, other: Count
    ) -> Fraction | None:
        """The terms' errors relative to a sum bounded away from 0; None if it may be near 0."""
        total = self.interval(whole)
        least = total.low if total.is_positive else (-total).low if total.is_negative else None
        sizes = [_size(left), _size(right)]
        if not least or None in sizes:
            return None
        errors = (
            size * count.roundings
            for size, count in zip(sizes, (one, other), strict=True)
            if size is not None
        )
        spread = _MARGIN * sum(errors, Fraction(0)) / least
        return spread if spread * self._unit < _SMALL else None

    def _function(self, whole: Operation, operator: str, found: list[Count]) -> Count:
        """The propagated error of a function's arguments, plus the implementation's error."""
        if operator == "%" and all(count.is_exact for count in found):
            return EXACT
        function = REGISTRY.get(operator)
        if function is None:
            raise NoBoundError(f"nothing is known of the rounding of {text(whole)}")
        if function.selects:
            if function.name == "clip":
                self._check_range(*whole.operands)
            return _largest(*found)
        carried = sum((count.roundings for count in found), Fraction(0))
        condition = function.condition
        if function.name == "exp":
            # The exponential is its own derivative: the condition number for x is the magnitude of
            # x.
            condition = _LOGARITHMS[self._unit] * _MARGIN
        if carried and condition is None:
            raise NoBoundError(function.unbounded.format(text(whole), *map(text, whole.operands)))
        for count, operand in zip(found, whole.operands, strict=True):
            _needs_no_cancelling(count, operand, function.role)
        return Count(carried * (condition or 0) + function.errors.roundings)

    def _power(self, whole: Operation, base: Count, exponent: Count) -> Count:
        """The base's count times the exponent, plus the exponent's count times a logarithm."""
        below, above = whole.operands
        _needs_no_cancelling(base, below, "is the base of a power")
        _needs_no_cancelling(exponent, above, "is an exponent")
        spread = exponent.roundings * _LOGARITHMS[self._unit] * _MARGIN + _POWER
        if base.is_exact:
            return Count(spread)
        times = number(above)
        size = abs(times) if times is not None else _size(self.interval(above))
        if size is None:
            raise NoBoundError(f"{text(whole)} has an exponent without a bound")
        return Count(spread + size * base.roundings * _MARGIN)

    def _check_range(self, value: Expression, low: Expression, high: Expression) -> None:
        """Reject a clip that may be discontinuous, as for an empty range."""
        if not self.interval(Operation("-", (high, low))).is_nonnegative:
            self._check_condition(Operation("<", (value, low)))
            self._check_condition(Operation(">", (value, high)))

    def _check_condition(self, condition: Expression) -> None:
        """Reject a condition that rounding may change. Raises NoBoundError."""
        if isinstance(condition, Operation) and condition.operator in COMPARISONS:
            found = [self.of(operand) for operand in condition.operands]
            exact = all(count.is_exact for count in found)
            # Rounding preserves the sign of a value.
            signs = Number(0) in condition.operands and not any(count.cancels for count in found)
            if not exact and not signs:
                raise NoBoundError(f"rounding may decide {text(condition)}")
        elif isinstance(condition, Operation):
            for operand in condition.operands:
                self._check_condition(operand)
        else:
            self.of(condition)


def _largest(*counts: Count) -> Count:
    return Count(max(one.roundings for one in counts), any(one.cancels for one in counts))


def _needs_no_cancelling(count: Count, operand: Expression, doing: str) -> None:
    if count.cancels:
        raise NoBoundError(f"{text(raised(operand))} may cancel, and {doing}")


def _is_power_of_two(operand: Expression) -> bool:
    value = number(operand)
    if not value:
        return False
    top, bottom = abs(value.numerator), value.denominator
    return top & (top - 1) == 0 and bottom & (bottom - 1) == 0


def _size(interval: Interval) -> Fraction | None:
    """The largest magnitude in an interval."""
    if interval.low is None or interval.high is None:
        return None
    return max(abs(interval.low), abs(interval.high))


def in_single(count: Count) -> Count:
    """The count of a float64 value after rounding to float32."""
    return count.plus(1 - count.roundings + count.roundings * DOUBLE / SINGLE * _MARGIN)


def ulps(count: Count) -> Fraction:
    """A bound in float32 ulps; the significand of a number is below 2**24 ulps."""
    n = count.roundings
    # (1 - u)**-n - 1 <= n*u/(1 - n*u), and a number is less than 1/u of its ulps.
    return n / (1 - n * SINGLE)
