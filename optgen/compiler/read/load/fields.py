"""Type-checked access to the fields of a TOML table; problems are collected."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from optgen.compiler.ir.problem import CONTROL, Location, Problems, closest, nearest
from optgen.compiler.ir.spec import Scalar, Text
from optgen.compiler.read.load.document import Document
from optgen.compiler.read.load.places import Path

#: The largest magnitude of a number; float32 can represent it and its square.
LARGEST = 2**63

_SPACES = re.compile(rf"(?:\s|{CONTROL.pattern})+")


class Fields:
    """The fields of one table, inline or not; ``path`` is its path from the root of the file."""

    def __init__(
        self, document: Document, problems: Problems, data: object, path: Path = ()
    ) -> None:
        self._document, self._problems, self._path = document, problems, path
        self._data = data if isinstance(data, dict) else {}

    def complain(self, field: str, message: str, hint: str = "") -> None:
        """Collect a problem with a key or with a missing key."""
        self._problems.add(message, self._document.key((*self._path, field)), hint)

    def _complain_of_value(self, field: str, message: str) -> None:
        self._problems.add(message, self.place(field))

    def only(self, known: Collection[str]) -> None:
        """Reject every unknown field."""
        for field in self._data:
            if field not in known:
                hint = nearest(field, known) or f"known here: {', '.join(sorted(known))}"
                self.complain(field, f"unknown key {field!r:.80}", hint)

    def misspells(self, field: str) -> bool:
        """Whether an unknown key is probably a misspelling of this field."""
        return any(closest(key, (field,)) for key in self._data)

    def __contains__(self, field: str) -> bool:
        return field in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def place(self, field: str) -> Location:
        """The location of the value of a field."""
        return self._document.value((*self._path, field))

    def name(self, field: str) -> Text:
        """A key, with its location."""
        return Text(field, self._document.key((*self._path, field)))

    def holds_text(self, field: str) -> bool:
        """Whether the value of a field is a string."""
        return isinstance(self._data.get(field), str)

    def holds_table(self, field: str) -> bool:
        """Whether the value of a field is a table."""
        return isinstance(self._data.get(field), dict)

    def holds_number(self, field: str) -> bool:
        """Whether the value of a field is a number."""
        return _is_number(self._data.get(field))

    def text(self, field: str) -> Text | None:
        """A located string; None if it is missing."""
        value = self._data.get(field)
        if isinstance(value, str):
            return self._document.text((*self._path, field), value)
        if value is not None:
            self._complain_of_value(field, f"{field} must be a string, not {_kind(value)}")
        return None

    def prose(self, field: str) -> str:
        """Human-readable text on one line, without control characters."""
        found = self.text(field)
        return _SPACES.sub(" ", found.value).strip() if found else ""

    def flag(self, field: str) -> bool:
        """A boolean; false if it is missing."""
        value = self._data.get(field, False)
        if isinstance(value, bool):
            return value
        self._complain_of_value(field, f"{field} must be true or false, not {_kind(value)}")
        return False

    def scalar(self, field: str) -> Scalar | None:
        """A finite number or a switch; None if it is missing."""
        value = self._data.get(field)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return self._ordinary(field, value)
        message = f"{field} must be a number or true or false, not {_kind(value)}"
        self._complain_of_value(field, message)
        return None

    def number(self, field: str) -> int | float | None:
        """A finite number; None if it is missing."""
        value = self._data.get(field)
        if value is None:
            return None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self._ordinary(field, value)
        self._complain_of_value(field, f"{field} must be a number, not {_kind(value)}")
        return None

    def _ordinary(self, field: str, value: float) -> int | float | None:
        if abs(value) <= LARGEST:
            return value
        self._complain_of_value(field, f"{field} must be a finite number of ordinary size")
        return None

    def numbers(self, field: str) -> tuple[int | float, ...]:
        """A list of finite numbers, which isn't empty."""
        value = self._data.get(field)
        if isinstance(value, list) and value and all(_is_number(item) for item in value):
            return tuple(item for item in value if self._ordinary(field, item) is not None)
        self._complain_of_value(field, f"{field} must be a list of numbers, not {_kind(value)}")
        return ()

    def texts(self, field: str) -> tuple[Text, ...]:
        """A string or a list of strings."""
        value = self._data.get(field, [])
        path = (*self._path, field)
        if isinstance(value, str):
            return (self._document.text(path, value),)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(self._document.text((*path, k), item) for k, item in enumerate(value))
        self._complain_of_value(field, f"{field} must be a string or a list of strings")
        return ()

    def table(self, field: str, example: str = "") -> Fields:
        """The table under a key, empty if it is missing; ``example`` shows the syntax."""
        value = self._data.get(field, {})
        if not isinstance(value, dict):
            message = f"{field} must be a table, not {_kind(value)}"
            self.complain(field, message, f"write {example or f'[{field}]'}")
        return Fields(self._document, self._problems, value, (*self._path, field))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _kind(value: object) -> str:
    kinds: dict[type, str] = {str: "a string", bool: "true or false", dict: "a table"}
    kinds |= {int: "a number", float: "a number", list: "a list"}
    return kinds.get(type(value), "a date or time")
