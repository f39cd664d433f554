"""Compare: two rules as mathematics. Equal for every gradient, or apart from some step on."""

from __future__ import annotations

from optgen.compiler.compare.equality import equality
from optgen.compiler.compare.outline import Outline, outlines, without_decay
from optgen.compiler.compare.parting import parting
from optgen.compiler.compare.resemblance import resemblances
from optgen.compiler.compare.straight import Values, straight
from optgen.compiler.nouns.comparison import Comparison
from optgen.compiler.nouns.rule import Rule

__all__ = ["Outline", "compare", "known", "resemblances"]


def known(rule: Rule) -> tuple[Outline, ...]:
    """The outlines that a known rule is found by: in all settings, also without its decays."""
    whole = tuple(outlines(rule))
    return (*whole, *(bare for one in whole if (bare := without_decay(one)) is not None))


def compare(one: Rule, other: Rule, fixed: Values, other_fixed: Values) -> Comparison:
    """How the second rule compares with the first, with some hyperparameters fixed in each.

    Hyperparameters of one name have one value. Raises ValueError for a fixed one that there
    isn't.
    """
    left, right = straight(one, fixed), straight(other, other_fixed)
    return equality(left, right) or parting(left, right) or Comparison(None)
