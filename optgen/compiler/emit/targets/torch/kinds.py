"""Which values of a program are tensors; all others are numbers of Python."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from optgen.compiler.ir.expression import Expression, Name, Number, Operation
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.matrix import MATRIX_CALLS, TRANSPOSE
from optgen.compiler.ir.randomness import DRAWS
from optgen.compiler.ir.rule import GRAD, PARAM, Rule, Step

_MADE_OF_TENSORS = {*DRAWS, *MATRIX_CALLS, TRANSPOSE}


class Kinds:
    """The names that hold tensors: arrays, states, and what is computed from them.

    Hyperparameters, counters and the numbers of a shape are Python's, and so is what is computed
    from these alone.
    """

    def __init__(self, rule: Rule, steps: Sequence[Step]) -> None:
        arrays = [one.name for one in rule.inputs if one.extent is Extent.ELEMENT]
        found = {PARAM, GRAD, *arrays, *(state.name for state in rule.states)}
        self.tensors: Collection[str] = found
        while made := {s.target for s in steps if self.is_tensor(s.expression)} - found:
            found |= made

    def is_tensor(self, expression: Expression) -> bool:
        """Whether an expression has a tensor as its value."""
        match expression:
            case Number():
                return False
            case Name(name):
                return name in self.tensors
            case Operation(operator, operands):
                return operator in _MADE_OF_TENSORS or any(map(self.is_tensor, operands))
