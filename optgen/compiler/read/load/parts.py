"""``part NAME:`` in a rule: named lines, which other rules may take in or replace."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from optgen.compiler.ir.problem import Problems
from optgen.compiler.ir.spec import Text

#: A line that names the lines below it, which have a deeper indentation.
_HEAD = re.compile(r"([ \t]*)part[ \t]+(\w+)[ \t]*:[ \t]*(?:#.*)?")
#: The indentation of code; empty lines and comments belong to the lines around them.
_CODE = re.compile(r"([ \t]*)(?=[^\s#])")

#: Names and lines.
Parts = tuple[tuple[Text, Text], ...]


def with_parts(text: Text, problems: Problems) -> tuple[Text, Parts]:
    """A text that has the name of each part in place of its lines, and the parts.

    All characters keep their locations in the file.
    """
    text, parts = _split(text, problems)
    seen: set[str] = set()
    for name, _ in parts:
        if name.value in seen:
            message = f"there are two parts {name.value!r:.80}"
            problems.add(message, name.location, "a line with the name alone takes lines in again")
        seen.add(name.value)
    return text, parts


def _split(text: Text, problems: Problems) -> tuple[Text, Parts]:
    rows = _Rows(text)
    kept: list[Sequence[int]] = []
    parts: list[tuple[Text, Text]] = []
    number = 0
    while number < len(rows.texts):
        head = _HEAD.fullmatch(rows.texts[number])
        if head is None:
            kept.append(rows.characters(number))
            number += 1
            continue
        named = rows.characters(number, *head.span(2))
        kept.append([*rows.characters(number, 0, head.end(1))[:-1], *named])
        name = rows.cut([named])
        inside = range(number + 1, _end(rows.texts, number + 1, head[1]))
        lines, inner = _split(rows.cut(_unindented(rows, inside, name, problems)), problems)
        parts += [(name, lines), *inner]
        number = inside.stop
    return (rows.cut(kept), tuple(parts)) if parts else (text, ())


class _Rows:
    """The lines of a text; a line is cut out as the indices of its characters and of its end."""

    def __init__(self, text: Text) -> None:
        self._text, self.texts = text, text.value.split("\n")
        self._starts = [0]
        for row in self.texts:
            self._starts.append(self._starts[-1] + len(row) + 1)

    def characters(self, number: int, first: int = 0, last: int | None = None) -> list[int]:
        """The indices of a line, or of a piece of it, and of its end."""
        start, end = self._starts[number], self._starts[number + 1] - 1
        return [*range(start + first, end if last is None else start + last), end]

    def cut(self, lines: Iterable[Sequence[int]]) -> Text:
        """The text of these lines."""
        indices = [index for line in lines for index in line][:-1]
        text = self._text
        value = "".join(text.value[index] for index in indices)
        offsets = [text.offsets[index] for index in indices] if text.offsets else ()
        length = len(value.split("\n", maxsplit=1)[0])
        at = text.at(indices[0], length) if indices else text.location
        return Text(value, at, text.page, offsets)


def _end(rows: Sequence[str], first: int, around: str) -> int:
    """Behind the last line of a part, whose own indentation is ``around``."""
    end = first
    for number in range(first, len(rows)):
        code = _CODE.match(rows[number])
        if code is not None:
            if code[1] == around or not code[1].startswith(around):
                break
            end = number + 1
    return end


def _unindented(
    rows: _Rows, inside: range, name: Text, problems: Problems
) -> Iterator[Sequence[int]]:
    """The lines of a part, without the indentation of the first one."""
    margin: str | None = None
    for number in inside:
        row, code = rows.texts[number], _CODE.match(rows.texts[number])
        if code is None:
            yield rows.characters(number, len(row) - len(row.lstrip(" \t")))
            continue
        margin = code[1] if margin is None else margin
        line = rows.characters(number, min(len(margin), len(code[1])))
        if not code[1].startswith(margin):
            message = f"this line of the part {name.value!r:.80} has another indentation"
            problems.add(message, rows.cut([line]).location, "indent it as the first line is")
        yield line
    if margin is None:
        message = f"the part {name.value!r:.80} has no lines"
        problems.add(message, name.location, "indent them below it")
