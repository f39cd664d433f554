"""The report on states that another storage has rounded."""

from __future__ import annotations

import warnings

from optgen.runtime.caller import caller_level


class Rounded:
    """Counts the states whose values changed when they were converted to another storage."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], int] = {}

    def add(self, state: str, before: str, after: str) -> None:
        """Count the state of a variable, with the storage of its values and the one for them."""
        key = state, before, after
        self._counts[key] = self._counts.get(key, 0) + 1

    def __str__(self) -> str:
        return "; ".join(
            f"{state} of {count} variable{'s' * (count > 1)} from {before} to {after}"
            for (state, before, after), count in self._counts.items()
        )

    def warn(self, source: str) -> None:
        """Warn once of all states that were rounded, if any were."""
        if self._counts:
            warnings.warn(f"{source} was rounded: {self}", stacklevel=caller_level())
