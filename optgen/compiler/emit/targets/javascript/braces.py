"""Guarded lines as JavaScript: ``if`` blocks in braces."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from optgen.compiler.emit.layout import Line
from optgen.compiler.ir.condition import ALWAYS, Condition

#: As scripts are indented.
INDENT = "  "

#: How an atom of a guard is spelled.
Spelling = Callable[[str], str]


def spelled(condition: Condition, spelling: Spelling) -> str:
    """A guard as an expression."""
    cases = [
        " && ".join(spelling(atom) if holds else f"!{spelling(atom)}" for atom, holds in case)
        or "true"
        for case in condition.cases
    ]
    if len(cases) == 1:
        return cases[0]
    return " || ".join(f"({case})" if " && " in case else case for case in cases) or "false"


def guarded(lines: Iterable[Line], spelling: Spelling) -> Iterator[str]:
    """Lines in order, those of one guard in one block; those of none never run."""
    said = ""
    for (guard, section), some in groupby(lines, lambda line: (line.guard, line.section)):
        rows = [row for line in some for row in line.text.split("\n")]
        if section not in ("", said):
            yield f"// {section}"
        said = section
        if guard == ALWAYS:
            yield from rows
        elif guard.cases:
            yield from block(f"if ({spelled(guard, spelling)})", rows)


def block(head: str, rows: Iterable[str], end: str = "}") -> Iterator[str]:
    """Rows in braces behind a head."""
    yield f"{head} {{"
    yield from (f"{INDENT}{row}" if row else row for row in rows)
    yield end


def taken(
    names: Sequence[str], source: str, renamed: Mapping[str, str], word: str
) -> Iterator[str]:
    """The declaration of names that are properties of an object."""
    if names:
        listed = (f"{one}: {renamed[one]}" if one in renamed else one for one in names)
        yield f"{word} {{ {', '.join(listed)} }} = {source};"


def declared(names: Sequence[str]) -> Iterator[str]:
    """The declaration of names whose values follow."""
    if names:
        yield f"let {', '.join(names)};"
