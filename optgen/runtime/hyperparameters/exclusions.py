"""Exclusion of variables from a hyperparameter, such as biases from decay."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.arrays import is_on_device
from optgen.runtime.hyperparameters.declarations import Hyperparameter
from optgen.runtime.kernels import MATRIX

#: Begins the keys of a configuration that hold exclusions, as it does the methods' names.
EXCLUDE = "exclude_from_"


class Itself:
    """The key of an array, which stands for that very one and keeps it."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Itself) and self.array is other.array

    def __hash__(self) -> int:
        return id(self.array)


def keys_of(variables: Sequence[Array] | None) -> list[Itself]:
    """The keys of some arrays. Raises TypeError for what is no list of arrays."""
    if _is_array(variables):
        raise TypeError("var_list must be a list of arrays, not one array")
    arrays = list(() if variables is None else variables)
    for array in arrays:
        if not _is_array(array):
            raise TypeError(f"var_list must hold arrays, not {array!r}; var_names takes paths")
    return [*map(Itself, arrays)]


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray) or is_on_device(value)


class Exclusions:
    """What was excluded, by the keys of variables or by patterns for their paths."""

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
        return frozenset(
            name
            for name, patterns in self._patterns.items()
            if key in self._keys[name] or any(re.search(pattern, path) for pattern in patterns)
        )

    def refuse_unknown_paths(self) -> None:
        """Raise ValueError where variables were excluded whose paths aren't known yet."""
        for name, keys in self._keys.items():
            if keys:
                raise ValueError(
                    f"a variable that was excluded from {name} by itself has no path before the "
                    "optimizer is built; build it first, or exclude by path"
                )

    def as_arguments(self, paths: Mapping[Hashable, str]) -> dict[str, list[str]]:
        """Patterns for all that is excluded, as a configuration holds them.

        ``paths`` are those of the variables that are known.
        """
        found = {}
        for name, patterns in self._patterns.items():
            keys = self._keys[name]
            exact = [rf"\A{re.escape(path)}\Z" for key, path in paths.items() if key in keys]
            if patterns or exact:
                found[EXCLUDE + name] = [*patterns, *exact]
        return found


def taken_out(
    config: dict[str, Any], declared: Iterable[Hyperparameter], *, has_view: bool = False
) -> dict[str, Sequence[str] | None]:
    """The patterns of a configuration by hyperparameter; they are removed from it.

    A rule that ``has_view`` also excludes variables from matrices.
    """
    names = [h.name for h in declared if h.excluded is not None] + [MATRIX] * has_view
    return {name: config.pop(EXCLUDE + name, None) for name in names}


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
