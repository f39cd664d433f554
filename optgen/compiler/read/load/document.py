"""A TOML file: its text, its data, and the location of each key and value."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from optgen.compiler.ir.problem import CONTROL, Location, Page, Problem, SpecError
from optgen.compiler.ir.spec import Text
from optgen.compiler.read.load.places import Path as KeyPath
from optgen.compiler.read.load.places import Place, find_places

#: Far above the size of any real spec. The bounds limit the parsing time of a hostile spec: the
#: time of Python's TOML parser grows with the square of the number of dots in a key.
MOST_BYTES, MOST_DOTS = 64 * 1024, 200

_POSITION = re.compile(r"\(at line (\d+), column (\d+)\)|\(at end of document\)")
# Characters that are invisible to a reader of the file but can change its apparent content.
_UNSEEN = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Document:
    """The parsed file."""

    page: Page
    data: dict[str, Any]
    places: Mapping[KeyPath, Place]

    @property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.page.text.encode()).hexdigest()

    def key(self, path: KeyPath) -> Location:
        """The location of a key; if it is missing, the location of its parent."""
        while path and path not in self.places:
            path = path[:-1]
        if not path:
            return self.page.at(0)
        return self.page.at(self.places[path].key, self.places[path].key_length)

    def value(self, path: KeyPath) -> Location:
        """The location of the value of a key."""
        place = self.places.get(path)
        return self.page.at(place.start, place.length) if place else self.key(path)

    def text(self, path: KeyPath, value: str) -> Text:
        """A string value that maps its characters to their locations in the file."""
        place = self.places.get(path)
        if place is None or not value or len(place.characters) != len(value):
            return Text(value, self.value(path))
        length = len(value.split("\n", maxsplit=1)[0])
        location = self.page.at(place.characters[0], max(1, length))
        return Text(value, location, self.page, place.characters)


def read(path: Path, shown: str) -> Document:
    """Read and parse a TOML file; ``shown`` is its name in messages."""
    page = Page(shown, _read(path, shown))
    for number, line in enumerate(page.text.split("\n"), start=1):
        unseen = _UNSEEN.search(line)
        if unseen:
            where = Location(shown, number, unseen.start() + 1, line)
            message = f"U+{ord(unseen[0]):04X} turns the direction of writing around"
            _refuse(message, where, "a spec must read as it is; delete this character")
        if line.count(".") > MOST_DOTS:
            _refuse(f"there are more than {MOST_DOTS} dots in this line", Location(shown, number))
    try:
        document = Document(page, tomllib.loads(page.text), find_places(page.text))
        _refuse_control(document, document.data, ())
        return document
    except RecursionError:
        _refuse("is nested too deeply", Location(shown, 1))
    except ValueError as error:
        _refuse_toml(page, error)


def _refuse_control(document: Document, part: object, path: KeyPath) -> None:
    """Reject control characters that an escape sequence puts into a key or a string."""
    if isinstance(part, dict):
        for key, value in part.items():
            if CONTROL.search(key):
                _refuse("a key holds a control character", document.key((*path, key)))
            _refuse_control(document, value, (*path, key))
    elif isinstance(part, list):
        for index, value in enumerate(part):
            _refuse_control(document, value, (*path, index))
    elif isinstance(part, str):
        found = CONTROL.search(part.replace("\t", " ").replace("\n", " "))
        if found:
            where = document.text(path, part).at(found.start())
            _refuse(f"{found[0]!r} is a control character", where, "write what can be seen")


def _read(path: Path, shown: str) -> str:
    top = Location(shown, 1)
    try:
        if path.exists() and not path.is_file():
            _refuse("can't be read: it is not a file", top)
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        _refuse(f"can't be read: {error.strerror}", top)
    if len(raw) > MOST_BYTES:
        _refuse(f"is larger than {MOST_BYTES} bytes", top, "a spec is a page of text")
    try:
        # The byte order mark that some editors put before a text is not part of it.
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        _refuse(f"is not UTF-8 text: byte {error.start}", top)


def _refuse_toml(page: Page, error: ValueError) -> NoReturn:
    message, found = str(error), _POSITION.search(str(error))
    location = Location(page.path, 1)
    if found and found[1]:
        row = page.text.split("\n")[int(found[1]) - 1]
        location = Location(page.path, int(found[1]), int(found[2]), row)
    elif found:
        location = page.at(len(page.text.rstrip()))
    if "integer string conversion" in message:
        message = "it holds a number with thousands of digits"
    _refuse(f"is not valid TOML: {_POSITION.sub('', message).strip()}", location)


def _refuse(message: str, location: Location, hint: str = "") -> NoReturn:
    raise SpecError([Problem(message, location, hint)])
