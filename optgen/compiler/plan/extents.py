"""Extents of the names of a program: how often each value is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optgen.compiler.ir.expression import REDUCTIONS, Expression, Name, Number, Operation
from optgen.compiler.ir.extent import Extent, join
from optgen.compiler.ir.randomness import DRAWS
from optgen.compiler.ir.reduction import REDUCERS
from optgen.compiler.ir.reserved import SHAPES
from optgen.compiler.ir.rule import GRAD, PARAM, Rule, Step


class Extents:
    """The extent of every name in a list of steps."""

    def __init__(
        self, rule: Rule, steps: Sequence[Step], versions: Mapping[str, str] | None = None
    ) -> None:
        """``versions`` are names that states have there, with their states: each is as large."""
        self._extents = {PARAM: Extent.ELEMENT, GRAD: Extent.ELEMENT}
        self._extents |= {state.name: state.extent for state in rule.states}
        self._extents |= {given.name: given.extent for given in rule.inputs}
        self._extents |= dict.fromkeys(SHAPES, Extent.TENSOR)
        self._extents |= {name: self._extents[of] for name, of in (versions or {}).items()}
        changed = True
        while changed:
            changed = False
            for step in steps:
                extent = self.of(step.expression) | self.name(step.target)
                if extent != self.name(step.target):
                    self._extents[step.target], changed = extent, True

    def name(self, name: str) -> Extent:
        """The extent of a name; hyperparameters and counters have one value per call."""
        return self._extents.get(name, Extent.CALL)

    def set(self, name: str, extent: Extent) -> None:
        """Record the extent of a name."""
        self._extents[name] = extent

    def of(self, expression: Expression) -> Extent:
        """The extent of an expression."""
        match expression:
            case Number():
                return Extent.CALL
            case Name(name):
                return self.name(name)
        if expression.operator in DRAWS:
            return Extent.ELEMENT
        if expression.operator in REDUCTIONS:
            return reduced(expression, self.of(expression.operands[0]))
        return join(self.of(operand) for operand in expression.operands)


def reduced(reduction: Operation, term: Extent) -> Extent:
    """The extent of a reduction: the mean of each row of a vector of columns is one number."""
    over = REDUCERS[reduction.operator].extent
    if over in (Extent.ROWS, Extent.COLUMNS) and term in (Extent.ROWS, Extent.COLUMNS):
        return Extent.MATRIX
    return over
