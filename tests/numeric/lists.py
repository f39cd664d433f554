"""Rules with lists, written out: a hyperparameter, a state and lines for each item."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import Any

Table = dict[str, Any]

_LOOP = re.compile(r"^for (\w+) in (\w+):\n((?: +.*\n)+)", re.MULTILINE)


def written_out(table: Table) -> Table:
    """A table without lists, whose items have their default values."""
    declared, states = table["hyperparameters"], table.get("state", {})
    items = {name: one["default"] for name, one in declared.items() if one.get("list")}
    if not items:
        return table
    counts = {name: len(values) for name, values in items.items()}

    def repeated(loop: re.Match[str]) -> str:
        item, of, body = loop.groups()
        own = {name for name, state in states.items() if state.get("each") == of}
        found = []
        for k in range(1, counts[of] + 1):
            lines = re.sub(rf"\b{item}\b", f"{of}_{k}", dedent(body))
            for name in own:
                lines = re.sub(rf"\b{name}\b", f"{name}_{k}", lines)
            found.append(lines)
        return "".join(found)

    rule = _LOOP.sub(repeated, table["update"]["rule"])
    for name, count in counts.items():
        rule = rule.replace(f"len({name})", str(count))
    return {
        **table,
        "hyperparameters": dict(
            pair
            for name, one in declared.items()
            for pair in (_items(name, one) if name in items else [(name, one)])
        ),
        "state": {
            numbered: one
            for name, one in states.items()
            for numbered in (_numbered(name, counts[one["each"]]) if "each" in one else [name])
        },
        "update": {**table["update"], "rule": rule},
    }


def _numbered(name: str, count: int) -> list[str]:
    return [f"{name}_{k}" for k in range(1, count + 1)]


def _items(name: str, entry: Table) -> list[tuple[str, Table]]:
    """The declarations of a list's items."""
    rest = {key: value for key, value in entry.items() if key not in ("list", "default", "range")}
    bounds = entry.get("range", "True")
    return [
        (own, {**rest, "default": value, "range": re.sub(rf"\b{name}\b", own, bounds)})
        for own, value in zip(_numbered(name, len(entry["default"])), entry["default"], strict=True)
    ]
