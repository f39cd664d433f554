"""A TOML file, its data, and where each key and string of it stands."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optgen.compiler.nouns.problem import Location, Problem, SpecError

#: Far above any real spec; bounds the time that a hostile one can take.
MOST_BYTES = 64 * 1024

_TABLE = re.compile(r"\s*\[\s*([\w.\-]+)\s*\]")
_KEY = re.compile(r"\s*([\w\-]+|\"[^\"]*\"|'[^']*')\s*=")
_POSITION = re.compile(r"\(at line (\d+), column (\d+)\)")


@dataclass(frozen=True)
class Document:
    """The parsed file; ``keys`` maps (table, key) to the offset of the key in ``text``."""

    path: str
    text: str
    data: dict[str, Any]
    keys: dict[tuple[str, str], int]

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def at(self, offset: int, length: int = 1) -> Location:
        """The location of an offset in the text."""
        start = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", start)
        line = self.text[start : end if end >= 0 else len(self.text)]
        return Location(
            self.path, self.text.count("\n", 0, offset) + 1, offset - start + 1, line, length
        )

    def key(self, table: str, key: str) -> Location:
        """Where a key is written; the top of the file when it isn't written in plain sight."""
        return self.at(self.keys.get((table, key), 0), len(key))

    def string(self, table: str, key: str, value: str, field: str = "") -> Location:
        """Where the text of a string begins, so that a column in it is a column in the file."""
        start = self.keys.get((table, key), 0)
        if field:
            found = re.compile(rf"\b{re.escape(field)}\s*=").search(self.text, start)
            start = found.end() if found else start
        offset = self.text.find(value, start) if value else -1
        return self.at(
            offset if offset >= 0 else start, max(1, len(value.split("\n", maxsplit=1)[0]))
        )


def read(path: Path, shown: str) -> Document:
    """Read and parse a TOML file; ``shown`` is how messages name it."""

    def refuse(message: str, location: Location | None = None, hint: str = "") -> SpecError:
        return SpecError([Problem(message, location or Location(shown, 1), hint)])

    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise refuse(f"can't be read: {error.strerror}") from error
    if len(raw) > MOST_BYTES:
        raise refuse(f"is larger than {MOST_BYTES} bytes", hint="a spec is a page of text")
    try:
        text = raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise refuse(f"is not UTF-8 text: byte {error.start}") from error
    document = Document(shown, text, {}, _find_keys(text))
    try:
        data = tomllib.loads(text)
    except RecursionError as error:
        raise refuse("is nested too deeply") from error
    except ValueError as error:
        found = _POSITION.search(str(error))
        location = None
        if found:
            line, column = int(found[1]), int(found[2])
            rows = text.split("\n")
            content = rows[line - 1] if line <= len(rows) else ""
            location = Location(shown, line, column, content)
        message = _POSITION.sub("", str(error)).strip()
        raise refuse(f"is not valid TOML: {message}", location) from error
    return Document(shown, text, data, document.keys)


def _find_keys(text: str) -> dict[tuple[str, str], int]:
    """Offsets of the keys that begin a line, strings of several lines passed over."""
    keys: dict[tuple[str, str], int] = {}
    table, quote, offset = "", "", 0
    for line in text.splitlines(keepends=True):
        if quote:
            quote = "" if quote in line else quote
        else:
            header, key = _TABLE.match(line), _KEY.match(line)
            if header:
                table = header[1]
                keys.setdefault((table, ""), offset + line.index("["))
            elif key:
                name = key[1].strip("\"'")
                keys.setdefault((table, name), offset + key.start(1))
            for mark in ('"""', "'''"):
                if line.count(mark) % 2 == 1:
                    quote = mark
        offset += len(line)
    return keys
