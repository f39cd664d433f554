"""Search for points at which a polynomial is negative, before a certificate is attempted."""

from __future__ import annotations

import random
from collections.abc import Mapping
from fractions import Fraction

from optgen.analysis.exact.interval import Interval

_POINTS, _MARGIN = 24, 1e-9
_SIZES = (0.0, 1.0, 0.5, 2.0, 0.1, 10.0, 0.9, 0.01, 100.0)

_Monomial = tuple[tuple[str, int], ...]
_Terms = Mapping[_Monomial, Fraction]


def is_negative_somewhere(terms: _Terms, known: Mapping[str, Interval]) -> bool:
    """Whether a polynomial is clearly negative at a sample point within known intervals."""
    names = sorted({name for monomial in terms for name, _ in monomial})
    draw = random.Random(0)
    for _ in range(_POINTS):
        point = {name: _number(known.get(name, Interval()), draw) for name in names}
        try:
            values = [_value(monomial, value, point) for monomial, value in terms.items()]
        except OverflowError:
            continue
        if sum(values) < -_MARGIN * sum(map(abs, values)):
            return True
    return False


def _value(monomial: _Monomial, value: Fraction, point: Mapping[str, float]) -> float:
    product = float(value)
    for name, exponent in monomial:
        product *= point[name] ** exponent
    return product


def _number(interval: Interval, draw: random.Random) -> float:
    size = draw.choice(_SIZES) * (0.5 + draw.random())
    if interval.low is not None and interval.high is not None:
        low, high = float(interval.low), float(interval.high)
        return low + (high - low) * draw.random()
    if interval.low is not None:
        return float(interval.low) + size
    if interval.high is not None:
        return float(interval.high) - size
    return size * draw.choice((-1.0, 1.0))
