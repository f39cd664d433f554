"""Variables that are left out of a hyperparameter's effect, by themselves or by their paths."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence

from optgen.runtime.hyperparameters.exclusions import checked_patterns


class Exclusions:
    """What was excluded; variables are known by the keys that Keras gives them."""

    def __init__(self) -> None:
        self._keys: dict[str, set[Hashable]] = {}
        self._patterns: dict[str, list[str]] = {}

    def add(
        self, hyperparameter: str, keys: Iterable[Hashable], patterns: Sequence[str] | str | None
    ) -> None:
        """Exclude more variables; what was excluded before stays so.

        Raises TypeError or ValueError for what is no pattern.
        """
        listed = checked_patterns(patterns)
        self._keys.setdefault(hyperparameter, set()).update(keys)
        self._patterns.setdefault(hyperparameter, []).extend(listed)

    def of(self, key: Hashable, path: str) -> frozenset[str]:
        """The hyperparameters that a variable is excluded from."""
        by_key = {name for name, keys in self._keys.items() if key in keys}
        by_path = {
            name
            for name, patterns in self._patterns.items()
            if any(re.search(pattern, path) for pattern in patterns)
        }
        return frozenset(by_key | by_path)

    def patterns(self, paths: Mapping[Hashable, str]) -> dict[str, list[str]]:
        """Patterns for all that is excluded, by hyperparameter; ``paths`` are those known."""
        found = {}
        for name, patterns in self._patterns.items():
            exact = [rf"\A{re.escape(paths[key])}\Z" for key in self._keys[name] if key in paths]
            if patterns or exact:
                found[name] = [*patterns, *sorted(exact)]
        return found
