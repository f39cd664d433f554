"""Compare: two rules as mathematics. Equal for every gradient, or apart from some step on."""

from __future__ import annotations

from optgen.compiler.compare.equality import equality
from optgen.compiler.compare.parting import parting
from optgen.compiler.compare.straight import Values, straight
from optgen.compiler.nouns.comparison import Comparison
from optgen.compiler.nouns.rule import Rule


def compare(one: Rule, other: Rule, fixed: Values, other_fixed: Values) -> Comparison:
    """How the second rule compares with the first, with some hyperparameters fixed in each.

    Hyperparameters of one name have one value. Raises ValueError for a fixed one that there
    isn't.
    """
    left, right = straight(one, fixed), straight(other, other_fixed)
    return equality(left, right) or parting(left, right) or Comparison(None)
