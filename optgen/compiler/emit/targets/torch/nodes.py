"""Syntax trees of Python: they are written as text with the brackets that they need."""

from __future__ import annotations

import ast
import re

#: A power of a name or number, which is written without spaces.
_POWER = re.compile(r"(?<![\w.)\]])([a-zA-Z_]\w*|\d+(?:\.\d+)?) \*\* (\w+)(?![\w.(\[])")


def parsed(text: str) -> ast.expr:
    """The tree of a short expression."""
    return ast.parse(text, mode="eval").body


def number(value: float) -> ast.expr:
    """A literal."""
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


def call(function: str, *arguments: ast.expr, **named: ast.expr) -> ast.expr:
    """A call of a function, or of what stands behind dots."""
    keywords = [ast.keyword(name, value) for name, value in named.items()]
    return ast.Call(parsed(function), [*arguments], keywords)


def method(of: ast.expr, name: str, *arguments: ast.expr) -> ast.expr:
    """A call of a method."""
    return ast.Call(ast.Attribute(of, name), [*arguments], [])


def transposed(matrix: ast.expr) -> ast.expr:
    """A matrix, or a batch of them, with rows and columns exchanged."""
    return ast.Attribute(matrix, "mT")


def written(tree: ast.expr) -> str:
    """A tree as text."""
    return _POWER.sub(r"\1**\2", ast.unparse(ast.fix_missing_locations(tree)))
