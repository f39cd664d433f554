"""The small functions that generated kernels call, taken one by one from a Python file."""

from __future__ import annotations

import ast
from collections.abc import Iterable


def pick(text: str, wanted: Iterable[str]) -> list[str]:
    """The source of each wanted function of a module, decorators included."""
    found = {}
    rows = text.splitlines()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            first = min(decorator.lineno for decorator in node.decorator_list)
            found[node.name] = "\n".join(rows[first - 1 : node.end_lineno])
    return [found[name] for name in wanted]
