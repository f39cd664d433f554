"""Inference of extents: the extent of each name that a list of steps assigns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from optgen.compiler.ir.expression import REDUCTIONS, Expression, Name, Number, Operation
from optgen.compiler.ir.extent import ARRAYS, MATRICES, OF_RANK, VECTORS, Extent, join
from optgen.compiler.ir.matrix import (
    GRAM,
    MATRIX_CALLS,
    OF_RANK_MANY,
    OF_SQUARES,
    PRODUCT,
    TRANSPOSE,
    Sides,
    extent_of,
    product,
    reduced,
    sides,
    sides_of_rank,
)
from optgen.compiler.ir.randomness import DRAWS, draws_of, number_of
from optgen.compiler.ir.reduction import AXIS_REDUCTIONS, REDUCERS
from optgen.compiler.ir.reserved import SHAPES
from optgen.compiler.ir.rule import GRAD, OBSERVED, PARAM, Input, State, Step


class Extents:
    """The extents of names and expressions; a state has the extent that it is declared with.

    A state that depends on hyperparameters and counters only counts as a value of ``calls``: of
    the call for the meaning of a rule, of the tensor where it is kept for each.
    """

    def __init__(
        self,
        states: Iterable[State],
        steps: Sequence[Step],
        inputs: Iterable[Input] = (),
        versions: Mapping[str, str] = MappingProxyType({}),
        calls: Extent = Extent.CALL,
        elements: Iterable[str] = (),
    ) -> None:
        """``versions`` are further names of states in the steps, each with its state.

        ``elements`` are names that have one value for each element, whatever is assigned to them.
        """
        declared = {state.name: calls if state.is_of_calls else state.extent for state in states}
        declared |= {name: declared[state] for name, state in versions.items()}
        # What is drawn for a matrix of another shape has one number for each of its elements.
        self._drawn = {
            number: declared[step.target]
            for step in steps
            if declared.get(step.target) in MATRICES
            for number in draws_of(step.expression)
        }
        self._extents: dict[str, Extent] = {
            **dict.fromkeys(SHAPES, Extent.TENSOR),
            PARAM: Extent.ELEMENT,
            GRAD: Extent.ELEMENT,
            **dict.fromkeys(OBSERVED, Extent.ELEMENT),
            **dict.fromkeys(elements, Extent.ELEMENT),
            **{given.name: given.extent for given in inputs},
            **declared,
        }
        changed = True
        while changed:
            changed = False
            for step in steps:
                extent = self.of(step.expression) | self.name(step.target)
                if step.target not in declared and extent != self.name(step.target):
                    self._extents[step.target], changed = extent, True

    def set(self, name: str, extent: Extent) -> None:
        """Record the extent of a name."""
        self._extents[name] = extent

    def name(self, name: str) -> Extent:
        """The extent of a name; hyperparameters and counters have one value per call."""
        return self._extents.get(name, Extent.CALL)

    def of(self, expression: Expression) -> Extent:
        """The extent of an expression."""
        match expression:
            case Number():
                return Extent.CALL
            case Name(name):
                return self.name(name)
        if expression.operator in DRAWS:
            return self._drawn.get(number_of(expression), Extent.ELEMENT)
        if (found := self._reduced(expression)) is not None:
            return extent_of(found) or Extent.ELEMENT
        if expression.operator in REDUCTIONS:
            return self.reduction(expression)[1]
        if expression.operator == GRAM:
            return Extent.SHORT_BY_SHORT
        if expression.operator in OF_SQUARES:
            return self.of(expression.operands[0])
        if expression.operator in OF_RANK_MANY:
            return extent_of(sides_of_rank(self.sides(expression.operands[0]))) or Extent.ELEMENT
        if expression.operator in (PRODUCT, TRANSPOSE):
            return extent_of(self.sides(expression)) or Extent.ELEMENT
        return join(self.of(operand) for operand in expression.operands)

    def sides(self, expression: Expression) -> Sides | None:
        """What the rows and columns of a matrix stand for; None of what is no matrix."""
        if isinstance(expression, Operation) and expression.operator == TRANSPOSE:
            found = self.sides(expression.operands[0])
            return None if found is None else found[::-1]
        if isinstance(expression, Operation) and expression.operator == PRODUCT:
            left, right = map(self.sides, expression.operands)
            return product(left, right)
        return sides(self.of(expression))

    def is_library_call(self, operation: Operation) -> bool:
        """Whether a library computes an operation on whole matrices."""
        return operation.operator in MATRIX_CALLS or self._reduced(operation) is not None

    def _reduced(self, operation: Operation) -> Sides | None:
        """The sides of the result where rows or columns of a matrix with a rank are reduced."""
        if operation.operator not in AXIS_REDUCTIONS:
            return None
        found = self.sides(operation.operands[0])
        return None if found is None else reduced(found, REDUCERS[operation.operator].extent)

    def reduction(self, operation: Operation) -> tuple[Extent, Extent]:
        """The extents of the terms and of the results of a reduction.

        Only vectors and squares of a variable are reduced as they are: a number has a term for
        each element. The mean of each column of a vector of rows is one number for each matrix.
        """
        found = self.of(operation.operands[0])
        source = found if found in VECTORS or found in ARRAYS else Extent.ELEMENT
        over = REDUCERS[operation.operator].extent
        along = (Extent.ROWS, Extent.COLUMNS)
        return source, Extent.MATRIX if over in along and source in along else over


#: How many values a name has, for messages.
AMOUNTS: Mapping[Extent, str] = {
    Extent.CALL: "one value for each call",
    Extent.OPTIMIZER: "one number for all tensors",
    Extent.TENSOR: "one number for each tensor",
    Extent.MATRIX: "one number for each matrix",
    Extent.ROWS: "one number for each row",
    Extent.COLUMNS: "one number for each column",
    Extent.ELEMENT: "one number for each element",
    Extent.ROWS_BY_ROWS: "one number for each pair of rows",
    Extent.COLUMNS_BY_COLUMNS: "one number for each pair of columns",
    Extent.SHORT_BY_SHORT: "one number for each pair of rows or columns, whichever are fewer",
    **{extent: f"numbers for {extent.name.lower().replace('_', ' ')}" for extent in OF_RANK},
}
