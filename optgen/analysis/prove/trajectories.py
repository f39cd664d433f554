"""Vectorized runs of a rule in float64: one row per run, one column per element."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from optgen.analysis.exact.grids import OF_ARRAYS, shape_numbers
from optgen.analysis.exact.work import spend
from optgen.analysis.prove.float32 import FUNCTIONS, Array, Values
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.expression import Expression, Name, Number
from optgen.compiler.ir.rule import CALL, GRAD, PARAM, STEP


def value(expression: Expression, values: Values) -> Any:
    """The value of an expression in each run. Raises KeyError for a name without a value."""
    match expression:
        case Number(number):
            return np.float64(number)
        case Name(name):
            return values[name]
    spend(1)
    found = [value(operand, values) for operand in expression.operands]
    # With a single tensor, global reductions are the same.
    reduction = OF_ARRAYS.get(expression.operator)
    if reduction is None:
        return FUNCTIONS[expression.operator](*found)
    return reduction(np.broadcast_to(found[0], values[PARAM].shape))


class Runs:
    """The values of all names in parallel runs."""

    def __init__(
        self, variant: Variant, hyperparameters: Mapping[str, Any], parameters: Array
    ) -> None:
        self._variant, self._shape = variant, parameters.shape
        #: Names with one value per element, even if a step reduces them to a single one.
        self._arrays = {PARAM, GRAD, *(state.name for state in variant.states)}
        self.number = 0
        shape = {n: np.float64(k) for n, k in shape_numbers(parameters.shape[1]).items()}
        self.values: Values = {**shape, **hyperparameters, PARAM: parameters}
        for state in variant.states:
            first = self.values[state.initial] if isinstance(state.initial, str) else state.initial
            self.values[state.name] = np.broadcast_to(np.float64(first), self._shape)

    def arrive(self, gradients: Array) -> None:
        """Set the gradients of the next step without executing it."""
        self.number += 1
        number = np.float64(self.number)
        self.values |= {GRAD: gradients, STEP: number, CALL: number}

    def step(self) -> None:
        """Execute the step."""
        for assignment in self._variant.assignments:
            target, found = assignment.target, value(assignment.expression, self.values)
            self.values[target] = (
                np.broadcast_to(found, self._shape) if target in self._arrays else found
            )
