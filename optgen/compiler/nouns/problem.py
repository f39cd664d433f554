"""Where something stands in a spec, and what is wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Location:
    """A stretch of one line of a file; line and column count from 1."""

    path: str
    line: int
    column: int = 1
    text: str = ""
    length: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"

    def caret(self) -> str:
        """The line itself and a caret under the stretch that is meant."""
        shown = self.text.replace("\t", " ")
        room = max(1, len(shown) - self.column + 1)
        mark = "^" + "~" * (min(self.length, room) - 1)
        return f"    {shown}\n    {' ' * (self.column - 1)}{mark}"


@dataclass(frozen=True)
class Problem:
    """One finding about a spec: what, where, and how to mend it."""

    message: str
    location: Location
    hint: str = ""
    severity: str = "error"

    def __str__(self) -> str:
        lines = [f"{self.location}: {self.severity}: {self.message}"]
        if self.location.text:
            lines.append(self.location.caret())
        if self.hint:
            lines.append(f"    hint: {self.hint}")
        return "\n".join(lines)


class SpecError(Exception):
    """A spec that can't be compiled; carries every problem that was found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the closest known word, or nothing when none is close."""
    found = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f"did you mean {found[0]!r}?" if found else ""
