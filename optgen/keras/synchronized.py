"""Counters in Keras variables, read from a device only after a change."""

from __future__ import annotations

from typing import Any

from optgen.runtime.transaction import Call


class Watched:
    """The number in a variable of torch, which counts its own versions."""

    def __init__(self, variable: Any) -> None:
        self._variable = variable
        self._seen: tuple[int, int] | None = None
        self._value: float = 0

    def read(self) -> float:
        """The number as it is now."""
        mark = self._mark()
        if mark != self._seen:
            self._value, self._seen = self._variable.value.item(), mark
        return self._value

    def adding_one(self) -> Call:
        """The call that counts on in the variable."""
        return self._variable.value.add_, 1

    def added_one(self) -> None:
        """Know, without a reading, what it was counted on to."""
        self._value, self._seen = self._value + 1, self._mark()

    def _mark(self) -> tuple[int, int]:
        tensor = self._variable.value
        return tensor.data_ptr(), tensor._version
