"""Stability limits on a quadratic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optgen.compiler.ir.expression import Expression, Name, Operation
from optgen.compiler.ir.rule import LEARNING_RATE

#: The curvature of the loss curvature*param**2/2, and its product with the learning rate, which is
#: a name in expressions that no spec can declare.
CURVATURE = "curvature"
PRODUCT = f"{LEARNING_RATE}*{CURVATURE}"


@dataclass(frozen=True)
class Stability:
    """The stability limit of the steps of a rule on a quadratic, in one setting of its switches."""

    #: The condition of the setting; empty for always.
    setting: str
    #: The upper limit of the product.
    limit: Expression
    #: The characteristic polynomial of a step, from the second highest power of the root down; the
    #: first coefficient is 1. In the long run, a step multiplies the error by its largest root.
    coefficients: tuple[Expression, ...]
    #: The least and the largest value tried for each hyperparameter in them.
    ranges: Mapping[str, tuple[float, float]]

    @property
    def condition(self) -> Expression:
        """The condition that the product is below the limit."""
        product = Operation("*", (Name(LEARNING_RATE), Name(CURVATURE)))
        return Operation("<", (product, self.limit))
