"""Evaluation of expressions in float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from operator import itemgetter
from typing import Any

from optgen.compiler.ir.expression import Expression, Name, Number, Operation, walk
from optgen.compiler.ir.functions import REGISTRY

#: The upper bound of the range of float32.
LARGEST = 2.0**128

_ARITHMETIC: Mapping[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": lambda a, b: a % b,
    "**": math.pow,
    "neg": lambda a: -a,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "not": lambda a: not a,
    **{function.name: function.value for function in REGISTRY.values()},
}


def evaluate(expression: Expression, values: Mapping[str, float | Fraction]) -> float | Fraction:
    """The value of an expression; raises ArithmeticError or ValueError if it has none."""
    match expression:
        case Number(value):
            return value
        case Name(name):
            return values[name]
        case Operation("where", (condition, yes, no)):
            # The operand that isn't selected may be undefined.
            return evaluate(yes if evaluate(condition, values) else no, values)
        case Operation(operator, operands):
            found: float | Fraction = apply(operator, [evaluate(one, values) for one in operands])
            return found


def function_of(expression: Expression) -> Callable[[Mapping[str, Any]], Any]:
    """``evaluate`` for one expression and many values, in a fraction of its time."""
    match expression:
        case Number(value):
            return lambda values: value
        case Name(name):
            return itemgetter(name)
        case Operation("where", operands):
            condition, yes, no = map(function_of, operands)
            return lambda values: (yes if condition(values) else no)(values)
        case Operation(operator, (operand,)):
            operation, only = _operation(operator), function_of(operand)
            return lambda values: operation(only(values))
        case Operation(operator, operands):
            operation, parts = _operation(operator), [*map(function_of, operands)]
            return lambda values: operation(*[part(values) for part in parts])


def _operation(operator: str) -> Callable[..., Any]:
    # What has no value in float64 may stand where none is needed.
    return _ARITHMETIC.get(operator, _undefined)


def _undefined(*operands: Any) -> float:
    raise KeyError


def apply(operator: str, operands: Sequence[Any]) -> Any:
    """One operation, on any Python numbers. Raises the errors of that operation."""
    return _ARITHMETIC[operator](*operands)


def is_constant(expression: Expression) -> bool:
    """Whether all operands of a value are known at compile time."""
    return all(
        isinstance(part, Number) or (isinstance(part, Operation) and part.operator in _ARITHMETIC)
        for part in walk(expression)
    )


def constant(expression: Expression) -> float | None:
    """The value of a constant expression; None if it isn't constant, or has no finite value."""
    if not is_constant(expression):
        return None
    try:
        value = float(evaluate(expression, {}))
    except (ArithmeticError, ValueError):
        return None
    return value if abs(value) < LARGEST else None
