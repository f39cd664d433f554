"""Matching of gradients to variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import is_
from typing import Any

import numpy as np

from optgen.runtime.arrays import AnyArray as Array

Gradients = Sequence[object] | Mapping[str, object]
Variables = Sequence[Array] | Mapping[str, Array]


def by_path(variables: Variables) -> dict[str, Array]:
    """Variables by path; those of a list are numbered."""
    if isinstance(variables, Mapping):
        for path in variables:
            if not isinstance(path, str):
                raise TypeError(f"the path of a variable must be a string, not {path!r}")
        return dict(variables)
    if isinstance(variables, np.ndarray) or not isinstance(variables, Sequence):
        raise TypeError("variables must be a list or a mapping of arrays")
    return {f"variable_{index}": variable for index, variable in enumerate(variables)}


def listed(grads: Gradients | None) -> Gradients:
    """The gradients of a call. Raises TypeError for what is neither a list nor a mapping."""
    if not isinstance(grads, (Mapping, Sequence)):
        raise TypeError("gradients must be a list or a mapping of arrays")
    return grads


class Matcher:
    """Finds the place of gradients among the variables of an optimizer."""

    def __init__(self, variables: Mapping[str, Array]) -> None:
        self._variables = list(variables.values())
        self._paths = {path: index for index, path in enumerate(variables)}
        self._index = {id(variable): index for index, variable in enumerate(variables.values())}

    def __call__(
        self, grads: Gradients, variables: Variables | None, what: str = "gradient"
    ) -> dict[int, object]:
        """Gradients, which may be None, by position; ``variables`` may be a part of them all.

        ``what`` names them in messages. Raises TypeError or ValueError where the two don't fit
        each other.
        """
        listed = self._paths if variables is None else self._listed(variables)
        if isinstance(grads, Mapping):
            for path in grads:
                if path not in listed:
                    raise ValueError(f"no variable {path!r}; there are {', '.join(listed)}")
            for path in listed:
                if path not in grads:
                    raise ValueError(f"no entry for {path!r}; give None if it has no {what}")
            return {index: grads[path] for path, index in listed.items()}
        if len(grads) != len(listed):
            many = f"{len(grads)} {what}s" if what == "gradient" else f"{what}: {len(grads)} arrays"
            raise ValueError(f"{many} for {len(listed)} variables")
        return dict(zip(listed.values(), grads, strict=True))

    def in_order(self, grads: Gradients, variables: Variables | None) -> list[Any] | None:
        """The gradients in the order of the variables, where that is to be had without searching.

        None where variables are given in another order, or as a mapping.
        """
        if variables is not None:
            same = isinstance(variables, list) and len(variables) == len(self._variables)
            if not same or not all(map(is_, variables, self._variables)):
                return None
        if isinstance(grads, Mapping):
            if len(grads) != len(self._paths) or variables is not None:
                return None
            try:
                return [*map(grads.__getitem__, self._paths)]
            except KeyError:
                return None
        return list(grads)

    def _listed(self, variables: Variables) -> dict[str, int]:
        """The positions of some variables, by the paths that they were built with."""
        paths, listed = list(self._paths), {}
        for given, variable in by_path(variables).items():
            index = self._index.get(id(variable))
            if index is None or (isinstance(variables, Mapping) and paths[index] != given):
                raise ValueError(f"{given!r} is a variable that the optimizer was not built with")
            if paths[index] in listed:
                raise ValueError(f"{paths[index]!r} is listed twice")
            listed[paths[index]] = index
        return listed
