"""Exact intervals, which enclose all values of an expression."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import floor, isqrt

#: A bound; None is infinite.
Bound = Fraction | None
ZERO, ONE = Fraction(0), Fraction(1)


@dataclass(frozen=True)
class Interval:
    """The interval from ``low`` to ``high``; each bound is closed unless marked open."""

    low: Bound = None
    high: Bound = None
    low_open: bool = True
    high_open: bool = True

    @classmethod
    def point(cls, value: Fraction) -> Interval:
        """The interval of a single number."""
        return cls(value, value, False, False)

    @property
    def is_positive(self) -> bool:
        """Whether all numbers in the interval are positive."""
        if self.low is None or (self.high is not None and self.high <= 0):
            return False
        return self.low > 0 or (self.low == 0 and self.low_open)

    @property
    def is_negative(self) -> bool:
        """Whether all numbers in the interval are negative."""
        return (-self).is_positive

    @property
    def is_nonnegative(self) -> bool:
        """Whether no number in the interval is negative."""
        return self.low is not None and self.low >= 0

    @property
    def is_nonpositive(self) -> bool:
        """Whether no number in the interval is positive."""
        return (-self).is_nonnegative

    @property
    def is_nonzero(self) -> bool:
        """Whether the interval excludes 0."""
        return self.is_positive or self.is_negative

    @property
    def is_empty(self) -> bool:
        """Whether the interval is empty."""
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def __neg__(self) -> Interval:
        low = None if self.high is None else -self.high
        high = None if self.low is None else -self.low
        return Interval(low, high, self.high_open, self.low_open)

    def __add__(self, other: Interval) -> Interval:
        low = None if self.low is None or other.low is None else self.low + other.low
        high = None if self.high is None or other.high is None else self.high + other.high
        return _shortened(
            Interval(low, high, self.low_open or other.low_open, self.high_open or other.high_open)
        )

    def __sub__(self, other: Interval) -> Interval:
        return self + -other

    def __mul__(self, other: Interval) -> Interval:
        ends = [_product(a, b) for a in _ends(self) for b in _ends(other)]
        return _shortened(_hull(ends))

    def __truediv__(self, other: Interval) -> Interval:
        return self * other.inverse() if other.is_nonzero else EVERYTHING

    def inverse(self) -> Interval:
        """The reciprocals of the numbers in an interval without 0."""
        if self.is_negative:
            return -((-self).inverse())
        low = (ZERO, True) if self.high is None else (1 / self.high, self.high_open)
        high = (None, True) if not self.low else (1 / self.low, self.low_open)
        return Interval(low[0], high[0], low[1], high[1])

    def meet(self, other: Interval) -> Interval:
        """The intersection."""
        low, low_open = _larger((self.low, self.low_open), (other.low, other.low_open))
        flipped = _larger(
            _negated((self.high, self.high_open)), _negated((other.high, other.high_open))
        )
        high, high_open = _negated(flipped)
        return Interval(low, high, low_open, high_open)

    def join(self, other: Interval) -> Interval:
        """The interval hull of both."""
        return _hull([*_ends(self), *_ends(other)])

    def largest(self, other: Interval) -> Interval:
        """The maximum of the two intervals, in interval arithmetic."""
        low, low_open = _larger((self.low, self.low_open), (other.low, other.low_open))
        high = None if self.high is None or other.high is None else max(self.high, other.high)
        tops = [i.high_open for i in (self, other) if i.high == high]
        return Interval(low, high, low_open, all(tops))

    def magnitude(self) -> Interval:
        """The absolute values."""
        if self.is_nonnegative:
            return self
        if self.is_nonpositive:
            return -self
        return Interval(ZERO, None, False, True).meet(self.largest(-self).join(POINT_ZERO))

    def power(self, exponent: int) -> Interval:
        """The power with a natural exponent."""
        if exponent == 0:
            return Interval.point(ONE)
        base = self.magnitude() if exponent % 2 == 0 else self
        low = None if base.low is None else base.low**exponent
        high = None if base.high is None else base.high**exponent
        return _shortened(Interval(low, high, base.low_open, base.high_open))

    def root(self) -> Interval:
        """Square roots of nonnegative numbers; bounds are rounded outwards."""
        low = ZERO if self.low is None or self.low < 0 else _root(self.low, down=True)
        exact = self.low is not None and low * low == self.low
        high = None if self.high is None else _root(max(self.high, ZERO), down=False)
        tight = high is not None and high * high == self.high
        return Interval(low, high, self.low_open if exact else False, self.high_open and tight)


def bits(value: Fraction) -> int:
    """The bits of the larger of numerator and denominator."""
    return max(value.numerator.bit_length(), value.denominator.bit_length())


#: Bounds with more bits than the first limit are rounded outwards: to the second number of bits or,
#: if their binary exponent exceeds the third limit, to a power of two, 0 or infinity.
LONGEST, _KEPT, _LARGEST = 1000, 256, 700


def _shortened(interval: Interval) -> Interval:
    low, high = interval.low, interval.high
    low_open, high_open = interval.low_open, interval.high_open
    if low is not None and bits(low) > LONGEST:
        low, low_open = _below(low), True
    if high is not None and bits(high) > LONGEST:
        below = _below(-high)
        high, high_open = None if below is None else -below, True
    return Interval(low, high, low_open, high_open)


def _below(value: Fraction) -> Bound:
    """A short lower bound of a long number; None if there is none."""
    size = value.numerator.bit_length() - value.denominator.bit_length()
    if size > _LARGEST:
        return Fraction(2**_LARGEST) if value > 0 else None
    if size < -_LARGEST:
        return ZERO if value > 0 else -Fraction(1, 2**_LARGEST)
    scale = Fraction(2) ** (_KEPT - size)
    return Fraction(floor(value * scale)) / scale


def _ends(interval: Interval) -> list[tuple[Bound, bool, int]]:
    """Both endpoints, each with its openness and the sign of an infinite one."""
    return [(interval.low, interval.low_open, -1), (interval.high, interval.high_open, 1)]


def _product(
    one: tuple[Bound, bool, int], other: tuple[Bound, bool, int]
) -> tuple[Bound, bool, int]:
    (a, a_open, a_sign), (b, b_open, b_sign) = one, other
    if a is not None and b is not None:
        # 0 is attained if either operand attains it.
        is_open = (a_open or b_open) and not ((a == 0 and not a_open) or (b == 0 and not b_open))
        return a * b, is_open, 0
    if a == 0 or b == 0:
        return ZERO, (a_open if a == 0 else b_open), 0
    sign = (a_sign if a is None else (1 if a > 0 else -1)) * (
        b_sign if b is None else (1 if b > 0 else -1)
    )
    return None, True, sign


def _hull(ends: Iterable[tuple[Bound, bool, int]]) -> Interval:
    listed = list(ends)
    finite = [(value, is_open) for value, is_open, _ in listed if value is not None]
    low: tuple[Bound, bool] = (None, True)
    high: tuple[Bound, bool] = (None, True)
    if all(value is not None or sign > 0 for value, _, sign in listed) and finite:
        low = min(finite)
    if all(value is not None or sign < 0 for value, _, sign in listed) and finite:
        value = max(value for value, _ in finite)
        high = value, all(is_open for other, is_open in finite if other == value)
    return Interval(low[0], high[0], low[1], high[1])


def _larger(one: tuple[Bound, bool], other: tuple[Bound, bool]) -> tuple[Bound, bool]:
    """The larger of two lower bounds."""
    if one[0] is None:
        return other
    if other[0] is None:
        return one
    return max(one, other)


def _negated(bound: tuple[Bound, bool]) -> tuple[Bound, bool]:
    return (None if bound[0] is None else -bound[0]), bound[1]


#: The binary digits of square roots.
_PLACES = 60


def _root(value: Fraction, *, down: bool) -> Fraction:
    scaled = value * 4**_PLACES
    whole = isqrt(scaled.numerator // scaled.denominator)
    exact = Fraction(whole) ** 2 == scaled
    return Fraction(whole if down or exact else whole + 1, 2**_PLACES)


EVERYTHING = Interval()
POINT_ZERO = Interval.point(ZERO)
POSITIVE = Interval(ZERO, None)
NEGATIVE = Interval(None, ZERO)
NONNEGATIVE = Interval(ZERO, None, False, True)
