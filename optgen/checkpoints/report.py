"""What became of each part of a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

OPTION, STATE, COUNTER = "option", "state", "counter"
#: What stands where one side has no counterpart.
NONE = "-"


@dataclass(frozen=True)
class Line:
    """An option, state or counter: its name before and after, and what was done to it.

    A name is empty where that side has no counterpart.
    """

    kind: str
    before: str
    after: str
    note: str = ""

    def noted(self, note: str) -> Line:
        """The same with one more note."""
        if not note or note in self.note:
            return self
        return replace(self, note=f"{self.note}; {note}" if self.note else note)


class Trace:
    """Follows names from one checkpoint to another, through what lies between them."""

    def __init__(self) -> None:
        self._now: dict[tuple[str, str], Line] = {}
        self._ended: list[Line] = []

    def begin(self, kind: str, names: Iterable[str]) -> None:
        """The names that a checkpoint has."""
        for name in names:
            self._now.setdefault((kind, name), Line(kind, name, name))

    def note(self, kind: str, names: Iterable[str], note: str) -> None:
        """Say something about names that are there."""
        for key in ((kind, name) for name in names):
            if key in self._now:
                self._now[key] = self._now[key].noted(note)

    def rename(self, kind: str, pairs: Iterable[tuple[str, str, str]]) -> None:
        """Old names, the names that follow, and what was done; names that aren't in it end."""
        found: dict[tuple[str, str], Line] = {}
        for old, new, note in pairs:
            if line := self._now.get((kind, old)):
                line = replace(line, after=new).noted(note)
                found[kind, new] = _joined(found.get((kind, new)), line)
        kept = {key: line for key, line in self._now.items() if key[0] != kind}
        self._now = kept | found

    def end(self, kind: str, name: str, note: str) -> None:
        """A name that has no counterpart."""
        line = self._now.pop((kind, name), Line(kind, name, name))
        if line.before:
            self._ended.append(replace(line, after="").noted(note))

    def add(self, kind: str, name: str, note: str) -> None:
        """A name that had no counterpart before."""
        self._now.setdefault((kind, name), Line(kind, "", name, note))

    def lines(self) -> tuple[Line, ...]:
        """All lines; first what both sides have."""
        found = [*self._now.values(), *self._ended]
        return tuple(sorted(found, key=lambda line: (line.kind, not (line.before and line.after))))


def _joined(one: Line | None, other: Line) -> Line:
    """The line of a name that follows from two others."""
    if one is None:
        return other
    names = [name for name in (*one.before.split(", "), other.before) if name]
    return replace(one, before=", ".join(dict.fromkeys(names))).noted(other.note)


def table(lines: Iterable[Line]) -> str:
    """Lines as text in columns."""
    rows = [("", "before", "after", "")]
    rows += [(one.kind, one.before or NONE, one.after or NONE, one.note) for one in lines]
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in rows
    )
