"""What makes the code of a rule unlike that of others, so that it is worth compiling in a test."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Table = Mapping[str, Any]

_REDUCTIONS = {
    **dict.fromkeys(("sum", "mean", "norm"), "over a variable"),
    **dict.fromkeys(("global_sum", "global_norm"), "over all variables"),
}
#: A part of a rule is a block like any other here.
_PART = re.compile(r"\bpart(?= \w+:)")
_SPECIAL = ("optional", "integer", "excluded")


def ingredients(table: Table) -> set[str]:
    """Of a rule by itself; functions of elements have tests of their own."""
    return {*_of_declarations(table), *_of_rule(table.get("update", {}).get("rule", ""))}


def _of_declarations(table: Table) -> Iterator[str]:
    if "defaults" in table:
        yield "defaults of another rule"
    for state in table.get("state", {}).values():
        initial = state.get("initial", 0)
        yield f"begins with {initial if initial in (0, 'param') else 'a hyperparameter'}"
        yield from (key for key in ("when", "stands_in") if key in state)
        if "shape" in state:
            yield "a vector" if state["shape"] in ("rows", "columns") else "a number"
    for hyperparameter in table.get("hyperparameters", {}).values():
        yield from (key for key in _SPECIAL if key in hyperparameter)


def _of_rule(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(_PART.sub("if", text))):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in _REDUCTIONS:
                yield _REDUCTIONS[name]
            case ast.BinOp(op=ast.Pow(), right=ast.Constant()):
                yield "a power with a number"
            case ast.BinOp(op=ast.Pow()):
                yield "any power"


def bringing(tables: Mapping[str, Table], seen: Iterable[str] = ()) -> list[str]:
    """Names of rules that have together what any has, most of it first; not what was ``seen``."""
    known, left, chosen = set(seen), dict(tables), list[str]()
    while left:
        best = max(left, key=lambda name: len(ingredients(left[name]) - known))
        own = ingredients(left.pop(best))
        if own <= known:
            break
        known |= own
        chosen.append(best)
    return chosen
