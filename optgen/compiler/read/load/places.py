"""Locations of keys and values in a TOML text, which ``tomllib`` doesn't report."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass

#: The path of keys and indices to a value.
Path = tuple[str | int, ...]
#: No valid spec is nested deeper; deeper values get the location of their ancestor.
_DEEPEST = 8

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]*")
# The value of an escape sequence is irrelevant here; only its length (one character or none) is.
_LINE_END = re.compile(r"\\[ \t]*\n[ \t\n]*")
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)")


@dataclass(frozen=True)
class Place:
    """Offsets of a key and of its value; ``characters`` are the offsets within a string value."""

    key: int
    key_length: int
    start: int
    length: int
    characters: Sequence[int] = ()


def find_places(text: str) -> dict[Path, Place]:
    """The places of all keys and values in a text that ``tomllib`` has accepted."""
    return _Walk(text).found


class _Walk:
    def __init__(self, text: str) -> None:
        self._text, self._position = text, 0
        self._tables: dict[Path, int] = {}
        self.found: dict[Path, Place] = {}
        inside: Path = ()
        while first := self._next():
            if first == "[":
                inside = self._header()
            else:
                self._pair(inside)

    def _next(self) -> str:
        """The next character that is not whitespace; empty at the end."""
        blank = _BLANK.match(self._text, self._position)
        self._position = blank.end() if blank else self._position
        return self._text[self._position : self._position + 1]

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._position)
        self._position = found.end() if found else self._position
        return found[0] if found else ""

    def _header(self) -> Path:
        brackets = 2 if self._text.startswith("[[", self._position) else 1
        self._position += brackets
        path, _, _ = self._key(())
        self._next()
        self._position += brackets
        if brackets == 1:
            return path
        index = self._tables.setdefault(path, 0)
        self._tables[path] += 1
        return (*path, index)

    def _pair(self, inside: Path) -> None:
        path, key, key_length = self._key(inside)
        self._next()
        self._position += 1
        self._value(path, key, key_length)

    def _key(self, inside: Path) -> tuple[Path, int, int]:
        """A possibly dotted key and the offsets of its last part; earlier parts are recorded."""
        path = inside
        while True:
            quote, start = self._next(), self._position
            if quote in ('"', "'"):
                self._string()
                raw = self._text[start : self._position]
                part = tomllib.loads(f"key = {raw}")["key"]
            else:
                part = self._take(_BARE_KEY)
            length = self._position - start
            if len(path) < _DEEPEST:
                path = (*path, part)
                self.found.setdefault(path, Place(start, length, start, length))
            if self._next() != ".":
                return path, start, length
            self._position += 1

    def _value(self, path: Path, key: int, key_length: int) -> None:
        opening, start = self._next(), self._position
        characters: Sequence[int] = ()
        if opening in ('"', "'"):
            characters = self._string()
        elif opening in ("[", "{"):
            self._items(path, "]" if opening == "[" else "}")
        else:
            self._position = start + len(self._take(_BARE_VALUE).rstrip())
        length = self._position - start
        self.found[path] = Place(key, key_length, start, length, characters)

    def _items(self, path: Path, closing: str) -> None:
        """Parse the items of an array or an inline table, up to the closing bracket."""
        self._position += 1
        index = 0
        while self._next() != closing:
            if closing == "}":
                self._pair(path)
            else:
                self._value((*path, index), self._position, 1)
            index += 1
            if self._next() == ",":
                self._position += 1
        self._position += 1

    def _string(self) -> Sequence[int]:
        """The offsets of the characters of a string, up to its closing quote."""
        quote = self._text[self._position]
        width = 3 if self._text.startswith(quote * 3, self._position) else 1
        if width == 3 and self._text.startswith("\n", self._position + 3):
            self._position += 1
        self._position += width
        offsets: list[int] = []
        while not self._text.startswith(quote * width, self._position):
            if quote == '"' and width == 3 and self._take(_LINE_END):
                continue
            offsets.append(self._position)
            if quote == "'" or not self._take(_ESCAPE):
                self._position += 1
        # A multi-line string may end in one or two quotes that belong to its content.
        while width == 3 and self._text.startswith(quote * 4, self._position):
            offsets.append(self._position)
            self._position += 1
        self._position += width
        return offsets
