"""Multi-precision runs of a straight-line program on a small tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mpmath

from optgen.analysis.compare.straight_line import Straight
from optgen.analysis.exact.digits import precise
from optgen.analysis.exact.grids import reduced_exactly, shape_numbers
from optgen.analysis.exact.matrix_arrays import columns_of
from optgen.analysis.exact.matrix_digits import PreciseMatrices
from optgen.analysis.exact.matrix_facts import mixes
from optgen.compiler.ir.expression import (
    REDUCTIONS,
    Expression,
    Name,
    Number,
    Operation,
)
from optgen.compiler.ir.rule import CALL, GRAD, PARAM, STEP

#: The elements of a tensor, or a single number for all of them.
Tensor = tuple[Any, ...]
#: Exceptions for values outside a domain.
_OUTSIDE = (ArithmeticError, ValueError, TypeError)


class Run:
    """A run of a rule from its initial states; parameters start at 1."""

    def __init__(self, rule: Straight, numbers: Mapping[str, Any], size: int) -> None:
        self._rule, self._size = rule, size
        self.values: dict[str, Tensor] = {n: (v,) * size for n, v in numbers.items()}
        shape = shape_numbers(size)
        self.values |= {n: (mpmath.mpf(k),) * size for n, k in shape.items()}
        self.values[PARAM] = (mpmath.mpf(1),) * size
        extents = {state.name: state.extent for state in rule.states}
        for name, start in rule.starts.items():
            self.values[name] = self._of(start)[:1] * columns_of(extents[name], size)

    def step(self, gradient: Sequence[float], number: int) -> Tensor:
        """The parameters after one more step; NaN for a value outside its domain.

        Raises KeyError for an unknown operation.
        """
        count = (mpmath.mpf(number),) * self._size
        self.values |= {GRAD: tuple(map(mpmath.mpf, gradient)), STEP: count, CALL: count}
        for step in self._rule.steps:
            self.values[step.target] = self._of(step.expression)
        return self.values[PARAM]

    def _of(self, expression: Expression) -> Tensor:
        match expression:
            case Number():
                return (precise(expression, {}),) * self._size
            case Name(name):
                return self.values[name]
        if mixes(expression):
            return PreciseMatrices(self._of, self._size).of(expression)
        operands = [self._of(operand) for operand in expression.operands]
        operator = expression.operator
        if operator in REDUCTIONS:
            found = reduced_exactly(operator, operands[0])
            return found if len(found) == self._size else found[:1] * self._size
        # Numbers have a value for each element of the parameter, also beside a square.
        size = next((len(one) for one in operands if len(one) != self._size), self._size)
        operands = [one if len(one) == size else one[:1] * size for one in operands]
        return tuple(_applied(operator, [one[k] for one in operands]) for k in range(size))


def _applied(operator: str, values: list[Any]) -> Any:
    """One operation on real numbers; NaN outside its domain.

    The result for a NaN operand is NaN, except in a choice.
    """
    if operator == "where" and not is_nan(values[0]):
        return values[1] if values[0] else values[2]
    if any(map(is_nan, values)):
        return mpmath.nan
    places = {f"x{k}": value for k, value in enumerate(values)}
    try:
        found = precise(Operation(operator, tuple(map(Name, places))), places)
    except _OUTSIDE:
        return mpmath.nan
    outside = isinstance(found, mpmath.mpc) or not mpmath.isfinite(found)
    return mpmath.nan if outside else found


def is_nan(value: Any) -> bool:
    """Whether a value is NaN."""
    return bool(mpmath.isnan(value))
