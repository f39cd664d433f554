"""The variables of one optimizer with their state and tables, and the checks before a step."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from optgen.runtime.arrays import (
    Array,
    Gradient,
    GradientCheck,
    address,
    check_variables,
    is_unchanged,
)
from optgen.runtime.declarations import State
from optgen.runtime.engine import Engine, Mask
from optgen.runtime.exclusions import Exclusions
from optgen.runtime.kernels import Kernels
from optgen.runtime.settings import Settings
from optgen.runtime.tables import Tables

Gradients = Sequence[object] | Mapping[str, object]
Variables = Sequence[Array] | Mapping[str, Array]


class Model:
    """What an optimizer knows once it is built."""

    def __init__(
        self,
        variables: Variables,
        declared: Sequence[State],
        settings: Settings,
        exclusions: Exclusions,
        kernels: Kernels,
    ) -> None:
        named = name_variables(variables)
        self.paths, self.variables = tuple(named), tuple(check_variables(named))
        self.states: dict[str, list[Array | None]] = {
            state.name: [
                initial_state(state, variable, settings) if state.when(settings.on) else None
                for variable in self.variables
            ]
            for state in declared
        }
        excluded = [exclusions.of(*pair) for pair in zip(named, self.variables, strict=True)]
        self.row_sets = list(dict.fromkeys([frozenset[str](), *excluded]))
        rows = [self.row_sets.index(names) for names in excluded]
        tables = Tables(self.variables, kernels.buffers, self.states, rows)
        self.engine = Engine(kernels, tables, len(self.row_sets))
        #: Which variables had a gradient since the last update.
        self.seen: Mask = np.zeros(len(self.variables), np.bool_)
        self._interfaces = [variable.__array_interface__ for variable in self.variables]
        self._check_gradient = GradientCheck(self.paths, self.variables)
        self._index = {id(variable): index for index, variable in enumerate(self.variables)}

    def state_of(self, index: int) -> dict[str, Array]:
        """The state arrays of one variable by name."""
        pairs = ((name, arrays[index]) for name, arrays in self.states.items())
        return {name: array for name, array in pairs if array is not None}

    def check(self, grads: Gradients, variables: Variables | None) -> list[Gradient | None]:
        """The gradients in the order of the variables, fit to be pointed at.

        Raises TypeError or ValueError for whatever would make a step go wrong.
        """
        for path, variable, before in zip(
            self.paths, self.variables, self._interfaces, strict=True
        ):
            if not is_unchanged(variable, before):
                raise ValueError(f"{path!r} was made read-only, resized or reshaped after build")
        given = list(self._match(grads, variables))
        if all(gradient is None for gradient in given):
            raise ValueError("no variable has a gradient")
        checked = [
            None if gradient is None else self._check_gradient(index, gradient)
            for index, gradient in enumerate(given)
        ]
        missing = [path for path, found in zip(self.paths, checked, strict=True) if found is None]
        if missing:
            warnings.warn(f"no gradient for {', '.join(missing)}", stacklevel=4)
        return checked

    def fill_missing(self, gradients: list[Gradient | None], chosen: Mask) -> None:
        """A gradient that is missing now but was there since the last update counts as zero."""
        for index in np.flatnonzero(chosen):
            if gradients[index] is None:
                zeros = np.zeros_like(self.variables[index])
                gradients[index] = Gradient(zeros, address(zeros))

    def _match(self, grads: Gradients, variables: Variables | None) -> Iterator[object]:
        if isinstance(grads, Mapping):
            for path in grads:
                if path not in self.paths:
                    raise ValueError(f"no variable {path!r}; there are {', '.join(self.paths)}")
            for path in self.paths:
                if path not in grads:
                    raise ValueError(f"no entry for {path!r}; give None if it has no gradient")
                yield grads[path]
            return
        listed = self.variables if variables is None else list(name_variables(variables).values())
        if len(grads) != len(listed):
            raise ValueError(f"{len(grads)} gradients for {len(listed)} variables")
        found: dict[int, object] = {}
        for gradient, variable in zip(grads, listed, strict=True):
            index = self._index.get(id(variable))
            if index is None:
                raise ValueError("a variable that the optimizer was not built with")
            if index in found:
                raise ValueError(f"{self.paths[index]!r} is listed twice")
            found[index] = gradient
        yield from (found.get(index) for index in range(len(self.variables)))


def initial_state(state: State, variable: Array, settings: Settings) -> Array:
    """A state array as it is before the first update, in the memory layout of its variable."""
    array = np.empty_like(variable, subok=False)
    value: Any = state.initial
    if isinstance(value, str):
        value = variable if value == "param" else settings[value]
    array[...] = value
    return array


def name_variables(variables: Variables) -> dict[str, Array]:
    """Variables by path; those of a list are numbered."""
    if isinstance(variables, Mapping):
        return {str(path): variable for path, variable in variables.items()}
    if isinstance(variables, np.ndarray) or not isinstance(variables, Sequence):
        raise TypeError("variables must be a list or a mapping of arrays")
    return {f"variable_{index}": variable for index, variable in enumerate(variables)}
