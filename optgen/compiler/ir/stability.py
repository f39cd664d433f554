"""Stability limits on a quadratic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optgen.compiler.ir.expression import Expression, Name, Operation
from optgen.compiler.ir.rule import LEARNING_RATE

#: The curvature of the loss curvature*param**2/2, and its product with the learning rate, which
#: is a name in expressions that no name of a spec is like.
CURVATURE = "curvature"
PRODUCT = f"{LEARNING_RATE}*{CURVATURE}"


@dataclass(frozen=True)
class Stability:
    """Where the steps of a rule, in one setting of its switches, come to rest on a quadratic."""

    #: When the rule is in that setting; empty for always.
    setting: str
    #: What the product has to stay below.
    limit: Expression
    #: The characteristic polynomial of a step, from the second highest power of the root down;
    #: the first coefficient is 1. A step multiplies the error by its largest root, in the long run.
    coefficients: tuple[Expression, ...]
    #: The least and the largest value that was tried for each hyperparameter in them.
    ranges: Mapping[str, tuple[float, float]]

    @property
    def condition(self) -> Expression:
        """That the product stays below the limit."""
        product = Operation("*", (Name(LEARNING_RATE), Name(CURVATURE)))
        return Operation("<", (product, self.limit))
