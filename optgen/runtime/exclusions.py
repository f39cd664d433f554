"""Variables that are left out of a hyperparameter's effect, such as biases from decay."""

from __future__ import annotations

import re
from collections.abc import Sequence

from optgen.runtime.arrays import Array


class Exclusions:
    """What was excluded, by the variable itself or by a pattern for its path."""

    def __init__(self) -> None:
        self._variables: dict[str, list[Array]] = {}
        self._patterns: dict[str, list[str]] = {}

    def add(
        self, hyperparameter: str, variables: Sequence[Array] | None, patterns: Sequence[str] | None
    ) -> None:
        """Exclude more variables; what was excluded before stays so."""
        checked = [patterns] if isinstance(patterns, str) else list(patterns or ())
        for pattern in checked:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
        self._variables.setdefault(hyperparameter, []).extend(variables or ())
        self._patterns.setdefault(hyperparameter, []).extend(checked)

    def of(self, path: str, variable: Array) -> frozenset[str]:
        """The hyperparameters that a variable is excluded from."""
        by_identity = {
            name
            for name, excluded in self._variables.items()
            if any(variable is other for other in excluded)
        }
        by_path = {
            name
            for name, patterns in self._patterns.items()
            if any(re.search(pattern, path) for pattern in patterns)
        }
        return frozenset(by_identity | by_path)
