"""Intervals of names under conditions."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from optgen.analysis.exact.interval import EVERYTHING, Interval
from optgen.compiler.ir.expression import Expression, Name, Number, Operation


def bound(condition: Expression, name: str) -> Interval | None:
    """The interval that a condition implies for a name; None for more complex conditions."""
    if isinstance(condition, Operation) and condition.operator == "and":
        parts = [bound(operand, name) for operand in condition.operands]
        left, right = parts
        return None if left is None or right is None else left.meet(right)
    found = comparison(condition)
    return found[1] if found is not None and found[0] == name else None


def comparison(condition: Expression) -> tuple[str, Interval, Interval] | None:
    """A name, and the intervals in which its comparison with a number is true and false."""
    if not isinstance(condition, Operation) or len(condition.operands) != 2:
        return None
    left, right = condition.operands
    turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "=="}
    operator = condition.operator
    if operator not in turned:
        return None
    if isinstance(right, Name):
        left, right, operator = right, left, turned[operator]
    value = number(right)
    if not isinstance(left, Name) or value is None:
        return None
    above, below = Interval(value, None, False, True), Interval(None, value, True, False)
    strictly_above, strictly_below = replace(above, low_open=True), replace(below, high_open=True)
    pairs = {
        ">": (strictly_above, below),
        ">=": (above, strictly_below),
        "<": (strictly_below, above),
        "<=": (below, strictly_above),
        "==": (Interval.point(value), EVERYTHING),
    }
    return left.id, *pairs[operator]


def number(expression: Expression) -> Fraction | None:
    """The exact value of a literal's source text; None for anything else."""
    match expression:
        case Number(value) if not isinstance(value, bool):
            return Fraction(repr(value))
        case Operation("neg", (Number(value),)):
            return -Fraction(repr(value))
    return None
