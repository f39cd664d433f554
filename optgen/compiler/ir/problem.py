"""Errors and warnings with their locations in a spec."""

from __future__ import annotations

import difflib
import re
import traceback
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

#: Characters that would move the cursor or reverse the text direction on a terminal.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

#: A file with more problems isn't a genuine spec.
MOST_PROBLEMS = 50
#: The number of characters shown of a long line, and of those before the caret.
_WIDTH, _BEFORE = 140, 60
#: The number of characters shown of an exception.
_LONGEST = 200


@dataclass(frozen=True)
class Location:
    """A range in one line of a file; line and column count from 1."""

    path: str
    line: int
    column: int = 1
    text: str = ""
    length: int = 1

    def __str__(self) -> str:
        return f"{CONTROL.sub('?', self.path)}:{self.line}:{self.column}"

    def caret(self) -> str:
        """The line and a caret under the range."""
        line = CONTROL.sub("\N{REPLACEMENT CHARACTER}", self.text.replace("\t", " "))
        start = self.column - 1
        first = max(0, start - _BEFORE) if len(line) > _WIDTH else 0
        before, after = line[first:start], line[start : first + _WIDTH]
        if first:
            before = "…" + before[1:]
        if first + _WIDTH < len(line):
            after += "…"
        room = max(1, _columns(after[: self.length]))
        return f"    {before}{after}\n    {' ' * _columns(before)}^{'~' * (room - 1)}"


@dataclass(frozen=True)
class Page:
    """The text of a file, with a mapping from offsets to positions."""

    path: str
    text: str = field(repr=False)

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in re.finditer("\n", self.text))]

    def at(self, offset: int, length: int = 1) -> Location:
        """The location of an offset and of the following characters on the same line."""
        line = bisect_right(self._starts, offset)
        start = self._starts[line - 1]
        end = self._starts[line] - 1 if line < len(self._starts) else len(self.text)
        return Location(self.path, line, offset - start + 1, self.text[start:end], length)


#: The severity of a compiler error that a spec triggers.
INTERNAL = "internal error"
_REPORT = "this is a mistake in optgen; please report it together with the spec"


@dataclass(frozen=True)
class Problem:
    """One finding about a spec: message, location, and hint."""

    message: str
    location: Location
    hint: str = ""
    severity: str = "error"
    #: The traceback of an internal error.
    traceback: str = field(default="", repr=False)

    @classmethod
    def internal(cls, message: str, location: Location, trace: str = "") -> Problem:
        """A compiler error, with the spec that triggers it."""
        return cls(message, location, _REPORT, INTERNAL, trace)

    @classmethod
    def of_failure(cls, error: Exception, location: Location) -> Problem:
        """An unexpected exception, in its handler."""
        message = f"{type(error).__name__}: {error}"
        return cls.internal(message[:_LONGEST], location, traceback.format_exc())

    def __str__(self) -> str:
        lines = [f"{self.location}: {self.severity}: {_plain(self.message)}"]
        if self.location.text:
            lines.append(self.location.caret())
        if self.hint:
            lines.append(f"    hint: {_plain(self.hint)}")
        return "\n".join(lines)


class UsageError(ValueError):
    """A request that can't be executed as written, regardless of the specs."""


class SpecError(Exception):
    """A spec that can't be compiled; carries all problems found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Problems(list[Problem]):
    """Collects problems; gives up at a number that no user would read."""

    def add(self, message: str, location: Location, hint: str = "") -> None:
        """Add a problem. Raises SpecError with all problems collected at ``MOST_PROBLEMS``."""
        self.append(Problem(message, location, hint))
        if len(self) >= MOST_PROBLEMS:
            raise SpecError(self)


def closest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The known word that was probably meant; empty if none is close."""
    found = difflib.get_close_matches(word[:80], sorted(known), n=5, cutoff=cutoff)
    # Letters that changed places count less than a further one.
    turned = [other for other in found if sorted(other) == sorted(word)]
    return next(iter([*turned, *found]), "")


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the closest known word; empty if none is close."""
    found = closest(word, known)
    return f"did you mean {found!r}?" if found else ""


def _plain(prose: str) -> str:
    return CONTROL.sub(" ", prose)


def _columns(text: str) -> int:
    """The number of terminal columns of a text."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)
