"""Lines that stand for several: choices between values, and names for all results of a call."""

from __future__ import annotations

import ast
from collections.abc import Sequence


def written_out(node: ast.Assign, choice: ast.IfExp) -> ast.If:
    """``x = a if condition else b`` as an ``if`` of two assignments."""

    def line(value: ast.expr) -> list[ast.stmt]:
        return [ast.copy_location(ast.Assign(node.targets, value), node)]

    return ast.copy_location(ast.If(choice.test, line(choice.body), line(choice.orelse)), node)


def names_of(targets: Sequence[ast.expr]) -> list[ast.Name]:
    """The targets of an assignment; none if one of them isn't a name."""
    named = [one for one in targets if isinstance(one, ast.Name)]
    return named if len(named) == len(targets) else []
