"""Reading the fields of a TOML table, each checked for its type; problems are collected."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from typing import Any

from optgen.compiler.load.document import Document
from optgen.compiler.nouns.problem import Problem, nearest
from optgen.compiler.nouns.spec import Scalar, Text

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


class Fields:
    """The fields of one table, or of one inline table under a key."""

    def __init__(
        self,
        document: Document,
        problems: list[Problem],
        data: dict[str, Any],
        table: str = "",
        key: str = "",
    ) -> None:
        self._document, self._problems, self._data = document, problems, data
        self._table, self._key = table, key

    def complain(self, field: str, message: str, hint: str = "") -> None:
        """Collect a problem with a field."""
        location = self._document.key(self._table, self._key or field)
        self._problems.append(Problem(message, location, hint))

    def only(self, known: Collection[str]) -> None:
        """Refuse every field that isn't known."""
        for field in self._data:
            if field not in known:
                hint = nearest(field, known) or f"known here: {', '.join(sorted(known))}"
                self.complain(field, f"unknown key {field!r}", hint)

    def __contains__(self, field: str) -> bool:
        return field in self._data

    def holds_text(self, field: str) -> bool:
        """Whether a field is given as a string."""
        return isinstance(self._data.get(field), str)

    def text(self, field: str) -> Text | None:
        """A located string, None where it isn't given."""
        value = self._data.get(field)
        if value is None:
            return None
        if not isinstance(value, str):
            self.complain(field, f"{field} must be a string, not {_kind(value)}")
            return None
        inner = field if self._key else ""
        location = self._document.string(self._table, self._key or field, value, inner)
        return Text(value, location)

    def prose(self, field: str) -> str:
        """Text for people, on one line and without control characters."""
        found = self.text(field)
        return _CONTROL.sub(" ", found.value).strip() if found else ""

    def flag(self, field: str) -> bool:
        """True or false; false where it isn't given."""
        value = self._data.get(field, False)
        if not isinstance(value, bool):
            self.complain(field, f"{field} must be true or false, not {_kind(value)}")
            return False
        return value

    def scalar(self, field: str) -> Scalar | None:
        """A finite number or a switch, None where it isn't given."""
        value = self._data.get(field)
        if value is None or isinstance(value, bool):
            return value
        if not isinstance(value, (int, float)):
            self.complain(field, f"{field} must be a number or true or false, not {_kind(value)}")
            return None
        if abs(value) > 2**63 or not math.isfinite(value):
            self.complain(field, f"{field} must be a finite number of ordinary size")
            return None
        return value

    def texts(self, field: str) -> tuple[Text, ...]:
        """A string or a list of strings."""
        value = self._data.get(field, [])
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
            self.complain(field, f"{field} must be a string or a list of strings")
            return ()
        location = self._document.key(self._table, self._key or field)
        return tuple(Text(item, location) for item in listed)

    def table(self, field: str) -> dict[str, Any]:
        """A nested table, empty where it isn't given."""
        value = self._data.get(field, {})
        if not isinstance(value, dict):
            self.complain(field, f"{field} must be a table", f"write [{field}]")
            return {}
        return value

    def inner(self, table: str, key: str) -> Fields:
        """The inline table under a key of a table, such as a hyperparameter's."""
        data = self.table(table)[key]
        if not isinstance(data, dict):
            name = Fields(self._document, self._problems, {}, table, key)
            example = (
                f"{key} = {{ default = 0.9 }}" if table == "hyperparameters" else f"{key} = {{}}"
            )
            name.complain(key, f"{key} must be a table in braces", f"write {example}")
            data = {}
        return Fields(self._document, self._problems, data, table, key)

    def name(self, table: str, key: str) -> Text:
        """A key of a table, with its location."""
        return Text(key, self._document.key(table, key))


def _kind(value: object) -> str:
    kinds = {str: "a string", bool: "true or false", int: "a number", float: "a number"}
    return kinds.get(type(value), "a list" if isinstance(value, list) else "a table")
