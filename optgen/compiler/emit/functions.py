"""The small functions that generated kernels call, taken one by one from a Python file."""

from __future__ import annotations

import ast
from collections.abc import Iterable


def pick(text: str, wanted: Iterable[str], decorator: str) -> list[str]:
    """The source of each wanted function of a module, decorated as a target needs it."""
    found = {}
    rows = text.splitlines()
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            source = "\n".join(rows[node.lineno - 1 : node.end_lineno])
            found[node.name] = f"@{decorator}\n{source}"
    return [found[name] for name in wanted]
