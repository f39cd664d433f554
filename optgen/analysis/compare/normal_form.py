"""Value-preserving rewrites that make equal expressions more alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from optgen.analysis.exact.ranges import number
from optgen.compiler.ir.expression import Expression, Operation

_LARGEST_SHIFT = 8


def normal(expression: Expression) -> Expression:
    """Comparisons as ``<`` or ``==``, choices of the larger as maxima, exponents without sums."""
    if not isinstance(expression, Operation):
        return expression
    operands = tuple(map(normal, expression.operands))
    return _RULES.get(expression.operator, Operation)(expression.operator, operands)


_Operands = tuple[Expression, ...]


def _turned(operator: str, operands: _Operands) -> Expression:
    """``a > b`` as ``b < a``, and ``a <= b`` as the negation of ``b < a``."""
    a, b = operands
    match operator:
        case ">":
            return Operation("<", (b, a))
        case "<=":
            return Operation("not", (Operation("<", (b, a)),))
        case ">=":
            return Operation("not", (Operation("<", (a, b)),))
    return Operation("not", (Operation("==", (a, b)),))


def _chosen(operator: str, operands: _Operands) -> Expression:
    condition, yes, no = operands
    if yes == no:
        return yes
    if isinstance(condition, Operation) and condition.operator == "not":
        return _chosen(operator, (condition.operands[0], no, yes))
    if isinstance(condition, Operation) and condition.operator == "<":
        if condition.operands == (no, yes):
            return Operation("max", (no, yes))
        if condition.operands == (yes, no):
            return Operation("min", (yes, no))
    return Operation("where", operands)


def _negated(operator: str, operands: _Operands) -> Expression:
    (inner,) = operands
    if isinstance(inner, Operation) and inner.operator == "not":
        return inner.operands[0]
    return Operation(operator, operands)


def _clipped(operator: str, operands: _Operands) -> Expression:
    """A choice; if the range may be empty, a clip isn't the minimum of a maximum."""
    value, low, high = operands
    inside = _chosen("where", (Operation("<", (high, value)), high, value))
    return _chosen("where", (Operation("<", (value, low)), low, inside))


def _power(operator: str, operands: _Operands) -> Expression:
    """``b**(x + n)`` as ``b**x*b**n``, and ``b**(n*x)`` as ``(b**x)**n``, for whole numbers n."""
    base, exponent = operands
    if isinstance(exponent, Operation) and exponent.operator in ("+", "-"):
        one, other = exponent.operands
        if number(one) is not None and exponent.operator == "+":
            one, other = other, one
        if _is_whole(other):
            shift = "*" if exponent.operator == "+" else "/"
            return Operation(shift, (_power("**", (base, one)), Operation("**", (base, other))))
    if isinstance(exponent, Operation) and exponent.operator == "*":
        one, other = exponent.operands
        if number(one) is not None:
            one, other = other, one
        if _is_whole(other):
            return Operation("**", (_power("**", (base, one)), other))
    return Operation(operator, operands)


def _is_whole(expression: Expression) -> bool:
    value = number(expression)
    return value is not None and value.denominator == 1 and 0 <= value <= _LARGEST_SHIFT


_RULES: Mapping[str, Callable[[str, _Operands], Expression]] = {
    **dict.fromkeys((">", "<=", ">=", "!="), _turned),
    "where": _chosen,
    "not": _negated,
    "clip": _clipped,
    "**": _power,
}
