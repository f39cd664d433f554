"""Runs of a straight line with many digits, on a small tensor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mpmath

from optgen.compiler.compare.straight import Straight
from optgen.compiler.exact.digits import precise
from optgen.compiler.nouns.expression import (
    REDUCTIONS,
    Expression,
    Name,
    Number,
    Operation,
)
from optgen.compiler.nouns.rule import CALL, GRAD, PARAM, STEP

#: Elements of a tensor, or one number for all of them.
Tensor = tuple[Any, ...]
#: What a run can't go on with: a value out of its domain, or an operation that isn't known.
NO_VALUE = (ArithmeticError, ValueError, TypeError, KeyError)
_REDUCTIONS: Mapping[str, Callable[[Tensor], Any]] = {
    "sum": mpmath.fsum,
    "mean": lambda x: mpmath.fsum(x) / len(x),
    "norm": lambda x: mpmath.sqrt(mpmath.fsum(one * one for one in x)),
    "global_sum": mpmath.fsum,
    "global_norm": lambda x: mpmath.sqrt(mpmath.fsum(one * one for one in x)),
}


class Run:
    """A rule from its start on; parameters begin with 1."""

    def __init__(self, rule: Straight, numbers: Mapping[str, Any], size: int) -> None:
        self._rule, self._size = rule, size
        self.values: dict[str, Tensor] = {n: (v,) * size for n, v in numbers.items()}
        self.values[PARAM] = (mpmath.mpf(1),) * size
        for name, start in rule.starts.items():
            self.values[name] = self._of(start)

    def step(self, gradient: Sequence[float], number: int) -> Tensor:
        """The parameters after one more step. Raises what ``NO_VALUE`` lists."""
        count = (mpmath.mpf(number),) * self._size
        self.values |= {GRAD: tuple(map(mpmath.mpf, gradient)), STEP: count, CALL: count}
        for step in self._rule.steps:
            self.values[step.target] = self._of(step.expression)
        found = self.values[PARAM]
        if not all(_is_real(value) for value in found):
            raise ArithmeticError("no real number")
        return found

    def _of(self, expression: Expression) -> Tensor:
        match expression:
            case Number():
                return (precise(expression, {}),) * self._size
            case Name(name):
                return self.values[name]
        operands = [self._of(operand) for operand in expression.operands]
        if expression.operator in REDUCTIONS:
            return (_REDUCTIONS[expression.operator](operands[0]),) * self._size
        places = [Name(f"x{k}") for k in range(len(operands))]
        plain = Operation(expression.operator, tuple(places))
        return tuple(
            precise(
                plain, {place.id: values[k] for place, values in zip(places, operands, strict=True)}
            )
            for k in range(self._size)
        )


def _is_real(value: Any) -> bool:
    return isinstance(value, mpmath.mpf) and bool(mpmath.isfinite(value))
