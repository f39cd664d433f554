"""Vectorized runs of a rule in float64: one row per run, one column per element."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from optgen.analysis.exact.grids import OF_ARRAYS, shape_numbers
from optgen.analysis.exact.matrix_arrays import Matrices, columns_of
from optgen.analysis.exact.matrix_facts import mixes
from optgen.analysis.exact.work import spend
from optgen.analysis.prove.float32 import FUNCTIONS, Array, Values
from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.expression import Expression, Name, Number, Operation
from optgen.compiler.ir.extent import SQUARES, Extent
from optgen.compiler.ir.rule import CALL, GRAD, PARAM, STEP


def value(expression: Expression, values: Values) -> Any:
    """The value of an expression in each run. Raises KeyError for a name without a value."""
    match expression:
        case Number(number):
            return np.float64(number)
        case Name(name):
            return values[name]
    spend(1)
    if mixes(expression):
        elements = values[PARAM].shape[1]
        return Matrices(lambda one: value(one, values), _operands, elements).of(expression)
    found = [value(operand, values) for operand in expression.operands]
    # With a single tensor, global reductions are the same.
    reduction = OF_ARRAYS.get(expression.operator)
    if reduction is None:
        return FUNCTIONS[expression.operator](*found)
    is_square = _is_square(found[0], values[PARAM].shape)
    terms = found[0] if is_square else np.broadcast_to(found[0], values[PARAM].shape)
    return reduction(terms)


def _operands(expression: Expression) -> tuple[Expression, ...]:
    return expression.operands if isinstance(expression, Operation) else ()


def _is_square(found: Any, shape: tuple[int, ...]) -> bool:
    """Whether it is a square, and no element for each of the parameter's, nor one for all."""
    return np.ndim(found) == len(shape) and found.shape[1] not in (1, shape[1])


def _first(extent: Extent, value: Any, columns: int) -> Any:
    """What a state begins with; a square of some rows is a multiple of the identity."""
    side = round(columns**0.5)
    if extent in SQUARES and side > 1:
        return value * np.eye(side).ravel()
    return value


class Runs:
    """The values of all names in parallel runs."""

    def __init__(
        self, variant: Variant, hyperparameters: Mapping[str, Any], parameters: Array
    ) -> None:
        self._variant, runs = variant, len(parameters)
        #: The shapes of names with one value per element, even if a step reduces them to one.
        whole: tuple[int, ...] = parameters.shape
        self._shapes = {PARAM: whole, GRAD: whole}
        for state in variant.states:
            self._shapes[state.name] = runs, self._columns(state.extent)
        self.number = 0
        shape = {n: np.float64(k) for n, k in shape_numbers(parameters.shape[1]).items()}
        self.values: Values = {**shape, **hyperparameters, PARAM: parameters}
        for state in variant.states:
            first = self.values[state.initial] if isinstance(state.initial, str) else state.initial
            first = _first(state.extent, np.float64(first), self._shapes[state.name][1])
            self.values[state.name] = np.broadcast_to(first, self._shapes[state.name])

    def _columns(self, extent: Extent) -> int:
        """How many numbers a state has in a run."""
        elements = self._shapes[PARAM][1]
        if self._variant.has_products and extent <= Extent.TENSOR:
            # Beside a square, a number for each of the parameter's elements would be too many.
            return 1
        return columns_of(extent, elements)

    def arrive(self, gradients: Array) -> None:
        """Set the gradients of the next step without executing it."""
        self.number += 1
        number = np.float64(self.number)
        self.values |= {GRAD: gradients, STEP: number, CALL: number}

    def step(self) -> None:
        """Execute the step."""
        for assignment in self._variant.assignments:
            target, found = assignment.target, value(assignment.expression, self.values)
            shape = self._shapes.get(target)
            self.values[target] = found if shape is None else np.broadcast_to(found, shape)
