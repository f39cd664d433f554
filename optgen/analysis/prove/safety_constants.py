"""Small constants added for safety, and rules without them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from optgen.analysis.prove.variant import Variant
from optgen.compiler.ir.expression import Expression, Name, Number, Operation, rewrite

#: A positive hyperparameter without an upper bound is a safety constant up to this default.
SMALL = 1e-3


def small_numbers(variant: Variant, defaults: Mapping[str, float]) -> set[str]:
    """The safety constants: hyperparameters of any positive value with a small default."""
    return {
        name
        for name, value in defaults.items()
        if 0 < value <= SMALL and is_any_positive(variant, name)
    }


def is_any_positive(variant: Variant, name: str) -> bool:
    """Whether the range of a name is all positive numbers."""
    found = variant.known.get(name)
    return found is not None and found.is_positive and found.low == 0 and found.high is None


def without_small(expression: Expression, small: Collection[str]) -> Expression:
    """The expression with safety constants removed from sums."""

    def change(part: Expression) -> Expression | None:
        if not isinstance(part, Operation) or part.operator not in ("+", "max"):
            return None
        for one, other in (part.operands, part.operands[::-1]):
            if isinstance(one, Name) and one.id in small and other != Number(0):
                return without_small(other, small)
        return None

    return rewrite(expression, change)
