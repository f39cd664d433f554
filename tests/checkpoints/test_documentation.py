"""The page on checkpoints lists what the tables have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from optgen.checkpoints.tables import Entry, libraries, library

PAGE = Path(__file__).parents[2] / "docs" / "checkpoints.md"


def others(one: Entry) -> Iterator[str]:
    """What an entry has otherwise than its rule."""
    yield from (f"`{name}` only {value}" for name, value in one.fixed.items())
    yield from (f"`{name}` is {value}" for name, value in one.given.items())
    yield from (f"`{name}`: {text}" for name, text in one.differs.items())


def rows() -> Iterator[str]:
    for name in libraries():
        for one in library(name).entries:
            rule, what = one.rule.__name__, "; ".join(others(one))
            if name == "optgen":
                yield f"| `{rule}` | `{one.name}` | {what} |"
            else:
                yield f"| {name} | `{one.name}` | `{rule}` | {what} |"


def test_every_table_has_its_row() -> None:
    listed = PAGE.read_text(encoding="utf-8").splitlines()
    assert [row for row in rows() if row not in listed] == []
