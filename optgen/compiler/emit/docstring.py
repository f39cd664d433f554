"""Text of a spec as prose of generated files: wrapped and quoted, so that it can't become code."""

from __future__ import annotations

import re
import textwrap

from optgen.compiler.emit.folding import WIDTH

_UNPRINTABLE = re.compile(r"[^\t\n\x20-\x7e\xa0-\u2027\u202f-\u2065\u2070-\ufffd]")


def printable(prose: str) -> str:
    """Text of a spec without what can't be printed."""
    return _UNPRINTABLE.sub(" ", prose)


def quoted(prose: str) -> str:
    """Text of a spec as it may stand inside a string literal of generated source."""
    return printable(prose).replace("\\", "\\\\").replace('"', '\\"')


def wrapped(prose: str, hanging: str) -> list[str]:
    """Lines of a docstring; quoted after they are cut, so that no escape is cut in two."""
    return [
        quoted(line)
        for line in textwrap.wrap(printable(prose), WIDTH - 8, subsequent_indent=hanging)
    ]


def paragraph(prose: str, hanging: str = "    ") -> str:
    """A paragraph of the docstring of a class."""
    return "\n    ".join(wrapped(prose, hanging))


def notation(rule: str) -> str:
    """A rule as the spec states it, indented below a docstring."""
    rows = textwrap.dedent(printable(rule.replace("\t", "    "))).split("\n")
    safe = (row.rstrip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"') for row in rows)
    return "\n".join(f"        {row}" if row else "" for row in safe)
