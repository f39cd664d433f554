"""Expressions with what is known put in and worked out, by exact arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from optgen.compiler.nouns.expression import Expression, Name, Number, Operation

_LARGEST = 10**40


def folded(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """An expression with names replaced, and every part worked out that is a rational number.

    It may hold fewer parts whose domain would have to be asked for: that is done elsewhere.
    """
    match expression:
        case Name(name):
            return values.get(name, expression)
        case Number():
            return expression
    operands = tuple(folded(operand, values) for operand in expression.operands)
    return _simpler(expression.operator, operands)


def _simpler(operator: str, operands: tuple[Expression, ...]) -> Expression:
    exact = [_exact(operand) for operand in operands]
    found = _value(operator, exact)
    if found is not None:
        return _number(found)
    match operator:
        case "+" if exact[0] == 0:
            return operands[1]
        case "+" | "-" if exact[1] == 0:
            return operands[0]
        case "-" if operands[0] == operands[1]:
            return Number(0)
        case "-" if exact[0] == 0:
            return Operation("neg", (operands[1],))
        case "*" if 0 in exact:
            return Number(0)
        case "*" if exact[0] == 1:
            return operands[1]
        case "*" | "/" | "**" if exact[1] == 1:
            return operands[0]
        case "/" if exact[0] == 0:
            return Number(0)
        case "where" if operands[1] == operands[2]:
            return operands[1]
    return Operation(operator, operands)


def _value(operator: str, exact: list[Fraction | None]) -> Fraction | None:
    numbers = [value for value in exact if value is not None]
    if len(numbers) < len(exact):
        return None
    match operator, numbers:
        case "+", [a, b]:
            return a + b
        case "-", [a, b]:
            return a - b
        case "*", [a, b]:
            return a * b
        case "/", [a, b]:
            return a / b if b else None
        case "%", [a, b]:
            return a % b if b else None
        case "**", [a, b] if b.denominator == 1 and 0 <= b <= 64:
            return a ** int(b)
        case "neg", [a]:
            return -a
        case "abs", [a]:
            return abs(a)
        case "sign", [a]:
            return Fraction((a > 0) - (a < 0))
        case "max", [a, b]:
            return max(a, b)
        case "min", [a, b]:
            return min(a, b)
        case "clip", [a, low, high]:
            return min(max(a, low), high)
        case "sqrt", [a] if a in (0, 1):
            return a
        case "exp", [a] if a == 0:
            return Fraction(1)
    return None


def _exact(expression: Expression) -> Fraction | None:
    match expression:
        case Number(value) if not isinstance(value, bool):
            return Fraction(repr(value))
        case Operation("/", (Number(a), Number(b))) if b:
            return Fraction(repr(a)) / Fraction(repr(b))
    return None


def _number(value: Fraction) -> Expression:
    if value.denominator == 1 and abs(value) < _LARGEST:
        return Number(int(value))
    top, bottom = Number(value.numerator), Number(value.denominator)
    return Operation("/", (top, bottom))
