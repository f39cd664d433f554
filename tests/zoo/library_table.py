"""``specs/libraries.toml``, from the page of the rules: ``python -m tests.zoo.library_table``."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "specs" / "libraries.toml"
#: A row of ``docs/zoo.md``, which a test compares with the code that is run beside each rule.
_ROW = re.compile(r"^\| `(\w+)` \| .+ \| (.+) \|$", re.MULTILINE)
_HEAD = """\
# The libraries whose code the tests compare each rule with.
# Made of docs/zoo.md by `python -m tests.zoo.library_table`.
"""


def written() -> str:
    """The table that follows from the page."""
    page = (ROOT / "docs" / "zoo.md").read_text(encoding="utf-8")
    lines = [f"{name} = [{_quoted(whose)}]\n" for name, whose in _ROW.findall(page)]
    return "".join([_HEAD, *sorted(lines, key=str.lower)])


def _quoted(whose: str) -> str:
    names = sorted(part.strip("* ").lower() for part in whose.split(","))
    return ", ".join(f'"{name}"' for name in names if name != "paper")


if __name__ == "__main__":
    TABLE.write_text(written(), encoding="utf-8")
