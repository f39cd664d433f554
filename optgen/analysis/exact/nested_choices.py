"""Choices inside of a choice by the same condition, which are decided there."""

from __future__ import annotations

from collections.abc import Mapping

from optgen.compiler.ir.expression import Expression, Operation, names, rewrite


def decided_inside(
    expression: Expression, varying: frozenset[str], on: Mapping[Expression, bool] | None = None
) -> Expression:
    """The expression without choices whose condition an outer choice has decided.

    Only conditions without ``varying`` names count: they are the same for all elements, so that
    they hold in what a reduction combines, too. ``on`` are those that are known.
    """
    given = on or {}

    def change(part: Expression) -> Expression | None:
        if not isinstance(part, Operation) or part.operator != "where":
            return None
        condition, yes, no = part.operands
        if condition in given:
            return decided_inside(yes if given[condition] else no, varying, given)
        if not varying.isdisjoint(names(condition)):
            return None
        inside = (
            decided_inside(one, varying, {**given, condition: holds})
            for one, holds in ((yes, True), (no, False))
        )
        return Operation("where", (condition, *inside), part.location)

    return rewrite(expression, change)
