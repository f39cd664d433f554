"""Stability limits on a quadratic in closed form, for linear steps.

With the loss curvature*param**2/2 a step multiplies the parameter and its state by a matrix. The
roots of its characteristic polynomial are inside the unit circle if Jury's conditions hold; each
bounds learning_rate*curvature if it is linear in that product.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from typing import Any

from optgen.analysis.explain.algebra import Algebra, Budget, Line, TooLargeError, value
from optgen.analysis.explain.linear import Forms, Matrix, NotLinearError
from optgen.analysis.explain.points import Numbers, points
from optgen.analysis.explain.variants import Variant, variants
from optgen.compiler.ir.expression import Expression, Operation
from optgen.compiler.ir.rule import Rule
from optgen.compiler.ir.stability import Stability

#: The parameter and one state; for larger matrices the conditions aren't linear.
LARGEST_MATRIX = 2

#: The value at 0 and the slope of a linear function, at one point.
Values = tuple[float, float]


def stabilities(rule: Rule) -> Iterator[Stability]:
    """The stability limit in each setting of the switches for which one was found."""
    budget = Budget()
    for variant in variants(rule):
        try:
            found = _stability(rule, variant, Algebra(budget))
        except (NotLinearError, TooLargeError):
            continue
        if found is not None:
            yield found


def _stability(rule: Rule, variant: Variant, algebra: Algebra) -> Stability | None:
    forms = Forms(algebra, rule)
    for step in variant.steps:
        forms.take(step)
    coefficients = _characteristic(algebra, forms.matrix(LARGEST_MATRIX))
    if any(algebra.has(coefficient, algebra.curvature) for coefficient in coefficients):
        return None
    lines = [algebra.line(condition) for condition in _conditions(algebra, coefficients)]
    names = algebra.names()
    tried = list(_tried(algebra, lines, points(rule, variant.when, names)))
    bounds = _smallest(algebra, lines, [row for _, row in tried]) if tried else []
    if not bounds:
        return None
    return Stability(
        variant.setting,
        reduce(lambda a, b: Operation("min", (a, b)), bounds),
        tuple(map(algebra.shown, coefficients)),
        {name: _ends([float(numbers[name]) for numbers, _ in tried]) for name in names},
    )


def _characteristic(algebra: Algebra, matrix: Matrix) -> list[Any]:
    """The coefficients of the characteristic polynomial after the leading 1."""
    if len(matrix) == 1:
        return [-matrix[0][0]]
    (a, b), (c, d) = matrix
    determinant = algebra.plus(algebra.times(a, d), -algebra.times(b, c))
    return [-algebra.plus(a, d), determinant]


def _conditions(algebra: Algebra, coefficients: Sequence[Any]) -> Iterator[Any]:
    """Jury's conditions: fractions that are nonnegative if no root is outside the unit circle."""
    first, *rest = coefficients
    even = reduce(algebra.plus, rest, algebra.one)
    yield algebra.plus(even, first)
    yield algebra.plus(even, -first)
    for last in rest:
        yield algebra.plus(algebra.one, -last)


def _tried(
    algebra: Algebra, lines: Sequence[Line], found: Iterable[Numbers]
) -> Iterator[tuple[Numbers, list[Values]]]:
    """Points at which all linear functions are defined, with their values."""
    for numbers in found:
        try:
            at = algebra.values(numbers)
            yield numbers, [(value(free, at), value(slope, at)) for free, slope in lines]
        except (ArithmeticError, ValueError):
            continue


def _smallest(
    algebra: Algebra, lines: Sequence[Line], rows: Sequence[Sequence[Values]]
) -> list[Expression]:
    """The zeros of linear functions, without those that exceed others at all points.

    There are none if small steps violate a condition or are always at its boundary, or if it
    depends on the point whether large steps violate it.
    """
    bounds: list[tuple[Any, list[float]]] = []
    for (free, slope), at in zip(lines, zip(*rows, strict=True), strict=True):
        falls, rises = any(fall < 0 for _, fall in at), any(rise > 0 for _, rise in at)
        if free == slope == 0:
            return []
        if any(start < 0 for start, _ in at) or (falls and (rises or free == 0)):
            return []
        if falls:
            ends = [-start / fall if fall else math.inf for start, fall in at]
            bounds = [other for other in bounds if not _is_below(ends, other[1])]
            if not any(_is_below(other, ends) for _, other in bounds):
                bounds.append((algebra.over(-free, slope), ends))
    return [algebra.shown(bound) for bound, _ in bounds]


def _is_below(ends: Sequence[float], others: Sequence[float]) -> bool:
    return all(end <= other for end, other in zip(ends, others, strict=True))


def _ends(numbers: Sequence[float]) -> tuple[float, float]:
    return min(numbers), max(numbers)
