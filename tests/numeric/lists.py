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
            names = {item: f"{of}_{k}", **{name: f"{name}_{k}" for name in own}}
            found.append(
                re.sub(r"\w+", lambda word, n=names: n.get(word[0], word[0]), dedent(body))
            )
        return "".join(found)

    rule = _LOOP.sub(repeated, table["update"]["rule"])
    for name, count in counts.items():
        rule = rule.replace(f"len({name})", str(count))
    return {
        **table,
        "hyperparameters": {
            name: entry
            for of, one in declared.items()
            for name, entry in (
                ((f"{of}_{k}", {"default": x}) for k, x in enumerate(items[of], 1))
                if of in items
                else ((of, one),)
            )
        },
        "state": {
            name: entry
            for of, one in states.items()
            for name, entry in (
                ((f"{of}_{k}", one) for k in range(1, counts[one["each"]] + 1))
                if "each" in one
                else ((of, one),)
            )
        },
        "update": {**table["update"], "rule": rule},
    }
