"""Generated text as syntax trees, and whether two trees say the same."""

from __future__ import annotations

import ast
from functools import lru_cache


@lru_cache(1 << 14)
def expression(text: str) -> ast.expr:
    """The tree of an expression, which must stay as it is: rules share most of theirs."""
    return ast.parse(text, mode="eval").body


@lru_cache(4)
def module(text: str) -> ast.Module:
    """The tree of a module, which must stay as it is: it is folded, then reviewed."""
    return ast.parse(text)


def same(one: object, other: object) -> bool:
    """Whether trees, or what they hold, are equal, wherever they stand in their texts."""
    if type(one) is not type(other):
        return False
    if isinstance(one, ast.AST):
        # What is said is in the fields; places are in other attributes.
        return all(
            same(getattr(one, name, None), getattr(other, name, None)) for name in one._fields
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    # As texts, since 0.0 equals -0.0.
    return repr(one) == repr(other)
