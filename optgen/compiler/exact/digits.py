"""Values of expressions with as many digits as mpmath works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath

from optgen.compiler.nouns.expression import Expression, Name, Number, Operation
from optgen.compiler.nouns.value import evaluate

DIGITS = 50
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "sqrt": mpmath.sqrt,
    "exp": mpmath.exp,
    "log": mpmath.log,
    "cos": mpmath.cos,
    "**": mpmath.power,
    "sign": mpmath.sign,
}


def precise(expression: Expression, numbers: Mapping[str, Any]) -> Any:
    """The value for numbers of mpmath's; literals are worth what is written.

    Raises ArithmeticError, ValueError or TypeError where there is none, KeyError for a name or an
    operation that isn't known.
    """
    match expression:
        case Number(value):
            return mpmath.mpf(repr(value))
        case Name(name):
            return numbers[name]
        case Operation("where", (condition, yes, no)):
            return precise(yes if precise(condition, numbers) else no, numbers)
        case Operation(operator, operands):
            found = [precise(operand, numbers) for operand in operands]
            if operator in _FUNCTIONS:
                return _FUNCTIONS[operator](*found)
            # The rest is Python's own arithmetic, whatever the numbers are.
            places = {f"x{k}": value for k, value in enumerate(found)}
            plain = Operation(operator, tuple(Name(place) for place in places))
            return evaluate(plain, places)
