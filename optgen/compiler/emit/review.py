"""The last look at a generated file: it parses, and holds nothing that was not meant."""

from __future__ import annotations

import ast

from optgen.compiler.nouns.plan import Plan
from optgen.compiler.nouns.source import Source

#: Statements that templates and printers make; a spec can bring in no other.
_STATEMENTS = (
    ast.Assign,
    ast.ClassDef,
    ast.Expr,
    ast.For,
    ast.FunctionDef,
    ast.If,
    ast.ImportFrom,
    ast.Import,
    ast.Return,
    ast.AugAssign,
)
_PACKAGES = {"__future__", "collections", "math", "numpy", "numba", "optgen", "typing", "cpu"}


def review(source: Source, plan: Plan) -> None:
    """Raise AssertionError where generated text is not what a template and this plan can say."""
    tree = ast.parse(source.text, source.path)
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not isinstance(node, _STATEMENTS):
            raise AssertionError(f"{source.path}:{node.lineno}: unexpected {type(node).__name__}")
        if isinstance(node, ast.Expr) and not _is_plain(node.value):
            raise AssertionError(f"{source.path}:{node.lineno}: an expression with no effect")
        modules = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        for module in modules:
            if module.split(".")[0] not in _PACKAGES:
                raise AssertionError(f"{source.path}: unexpected import of {module}")
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    if classes and (len(classes) > 1 or classes[0].name != plan.rule.name):
        raise AssertionError(f"{source.path}: other classes than {plan.rule.name}")


def _is_plain(value: ast.expr) -> bool:
    """Whether a bare expression is a docstring or the call of the base class's constructor."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, str)
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr in ("__init__", "_exclude")
    )
