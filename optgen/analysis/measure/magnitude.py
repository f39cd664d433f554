"""Values with the sums of their terms' magnitudes, the reference of errors under cancellation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from optgen.analysis.exact.digits import precise
from optgen.compiler.ir.expression import Expression, Name, Number, Operation
from optgen.compiler.ir.functions import REGISTRY

#: Magnitudes of operations that preserve an error bound, as functions of their operands'
#: magnitudes. Any other operation has the magnitude of its value.
_MAGNITUDES: Mapping[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a + b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "square": lambda a: a * a,
    "neg": lambda a: a,
    "abs": lambda a: a,
    **{function.name: max for function in REGISTRY.values() if function.selects},
    "where": lambda condition, a, b: max(a, b),
}


@dataclass(frozen=True)
class Sized:
    """A number, and its magnitude: the value if no sum had terms of different signs."""

    value: Any
    magnitude: Any


def sized(expression: Expression, numbers: Mapping[str, Sized], relative: Set[Expression]) -> Sized:
    """The value of an expression with its magnitude, in mpmath numbers.

    ``relative`` are the sums with errors relative to their own values. Raises what ``precise``
    does.
    """
    match expression:
        case Number():
            value = precise(expression, {})
            return Sized(value, abs(value))
        case Name(name):
            return numbers[name]
    operands = [sized(operand, numbers, relative) for operand in expression.operands]
    value = _value(expression.operator, [one.value for one in operands])
    if expression.operator not in _MAGNITUDES or expression in relative:
        return Sized(value, abs(value))
    return Sized(value, _MAGNITUDES[expression.operator](*(one.magnitude for one in operands)))


def _value(operator: str, values: list[Any]) -> Any:
    if operator == "square":
        return values[0] * values[0]
    places = {f"x{k}": value for k, value in enumerate(values)}
    return precise(Operation(operator, tuple(map(Name, places))), places)
