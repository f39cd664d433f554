"""Variables that are stacks of matrices along their first dimension, such as heads."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.hyperparameters.exclusions import Itself, checked_patterns

#: The key of a configuration that holds them, and the name of the method.
SPLIT = "split_matrix"
#: Numbers of matrices, each with patterns for the paths of variables.
Configured = Sequence[tuple[int, Sequence[str]]]


@dataclass(frozen=True)
class _Split:
    parts: int
    keys: frozenset[Hashable]
    patterns: tuple[str, ...]

    def fits(self, key: Hashable, path: str) -> bool:
        return key in self.keys or any(re.search(pattern, path) for pattern in self.patterns)


class Splits:
    """How many matrices variables are, by their keys or by patterns for their paths."""

    def __init__(self) -> None:
        self._splits: list[_Split] = []

    def add(
        self, parts: int, keys: Iterable[Hashable], patterns: Sequence[str] | str | None
    ) -> None:
        """Split some variables, also where they were split otherwise before.

        Raises TypeError or ValueError for what is no number of matrices, or no pattern.
        """
        if isinstance(parts, bool) or not isinstance(parts, int):
            raise TypeError(f"the number of matrices must be an integer, not {parts!r}")
        if parts < 1:
            raise ValueError(f"the number of matrices must be at least 1, not {parts}")
        self._splits.append(_Split(parts, frozenset(keys), tuple(checked_patterns(patterns))))

    def of(self, named: Mapping[str, Array]) -> list[int]:
        """How many matrices each variable is along its first dimension.

        Raises ValueError where its length isn't a multiple.
        """
        return [self._of(path, variable) for path, variable in named.items()]

    def _of(self, path: str, variable: Array) -> int:
        fitting = (one.parts for one in self._splits if one.fits(Itself(variable), path))
        parts, shape = [1, *fitting][-1], tuple(variable.shape)
        if len(shape) < 2:
            return 1
        if shape[0] % parts:
            message = f"{path!r} has the shape {shape}, whose first length is no multiple of"
            raise ValueError(f"{message} the {parts} matrices that it is split into")
        return parts

    def as_arguments(self, paths: Mapping[Hashable, str]) -> dict[str, Configured]:
        """What is split, as a configuration holds it; ``paths`` are those that are known.

        Raises ValueError for a variable that was split by itself and has no path yet.
        """
        found = []
        for one in self._splits:
            if not one.keys <= {*paths}:
                raise ValueError(
                    "a variable that was split by itself has no path before the optimizer is "
                    "built; build it first, or split by path"
                )
            exact = [rf"\A{re.escape(paths[key])}\Z" for key in paths if key in one.keys]
            found.append((one.parts, [*one.patterns, *exact]))
        return {SPLIT: found} if found else {}
