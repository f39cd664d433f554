"""The view of variables as matrices that a rule and its features share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.rule import Rule


def view_of(rule: Rule, features: Sequence[Rule]) -> str:
    """The rule's own view, else the first feature's; empty if there is none."""
    return next((part.view for part in (rule, *features) if part.view), "")


def check_views(rule: Rule, features: Sequence[Rule]) -> Iterator[Problem]:
    """Features with views of their own, where no view of the rule stands in for them."""
    first, *others = [feature for feature in features if feature.view] or [rule]
    if rule.view:
        return
    for other in others:
        if other.view != first.view and other.view_at is not None:
            message = f"the feature {first.name!r} views variables as {first.view!r}"
            hint = f"build one of them only, or give the rule {rule.name!r} a [matrix] view"
            yield Problem(message, other.view_at, hint)
