"""Variables that are left out of a hyperparameter's effect, such as biases from decay."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.arrays import is_on_device


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray) or is_on_device(value)


def checked_patterns(patterns: Sequence[str] | str | None) -> list[str]:
    """Regular expressions as a list. Raises TypeError or ValueError for what is none."""
    checked = [patterns] if isinstance(patterns, str) else list(patterns or ())
    for pattern in checked:
        if not isinstance(pattern, str):
            raise TypeError(f"var_names must hold strings, not {pattern!r}")
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
    return checked


class Exclusions:
    """What was excluded, by the variable itself or by a pattern for its path."""

    def __init__(self) -> None:
        self._variables: dict[str, list[Array]] = {}
        self._patterns: dict[str, list[str]] = {}

    def add(
        self, hyperparameter: str, variables: Sequence[Array] | None, patterns: Sequence[str] | None
    ) -> None:
        """Exclude more variables; what was excluded before stays so."""
        if _is_array(variables):
            raise TypeError("var_list must be a list of arrays, not one array")
        arrays = list(() if variables is None else variables)
        for array in arrays:
            if not _is_array(array):
                raise TypeError(f"var_list must hold arrays, not {array!r}; var_names takes paths")
        checked = checked_patterns(patterns)
        self._variables.setdefault(hyperparameter, []).extend(arrays)
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

    def patterns(self, known: Mapping[str, Array] | None) -> dict[str, list[str]]:
        """Patterns for all that is excluded, by hyperparameter.

        ``known`` are the variables by path. Raises ValueError for a variable that was excluded
        itself while they aren't known yet.
        """
        result = {name: list(patterns) for name, patterns in self._patterns.items() if patterns}
        for name, excluded in self._variables.items():
            if excluded and known is None:
                raise ValueError(
                    f"a variable that was excluded from {name} by itself has no path before the "
                    "optimizer is built; build it first, or exclude by path"
                )
            for path, variable in (known or {}).items():
                if any(variable is other for other in excluded):
                    result.setdefault(name, []).append(rf"\A{re.escape(path)}\Z")
        return result
