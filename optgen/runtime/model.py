"""The variables of one optimizer with their state and tables, and the checks before a step."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
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
from optgen.runtime.matching import Gradients, Matcher, Variables, by_path
from optgen.runtime.settings import Settings
from optgen.runtime.tables import Tables


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
        self.named = named = by_path(variables)
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
        self._check_gradient = GradientCheck(named, self._written())
        self._match = Matcher(named)

    def state_of(self, index: int) -> dict[str, Array]:
        """The state arrays of one variable by name."""
        pairs = ((name, arrays[index]) for name, arrays in self.states.items())
        return {name: array for name, array in pairs if array is not None}

    def _written(self) -> Iterator[tuple[str, Array]]:
        """Every array that kernels write, with what to call it in a message."""
        for index, (path, variable) in enumerate(self.named.items()):
            yield repr(path), variable
            for name, array in self.state_of(index).items():
                yield f"the state {name} of {path!r}", array

    def check(self, grads: Gradients, variables: Variables | None) -> list[Gradient | None]:
        """The gradients in the order of the variables, fit to be pointed at.

        Raises TypeError or ValueError for whatever would make a step go wrong.
        """
        for path, variable, before in zip(
            self.paths, self.variables, self._interfaces, strict=True
        ):
            if not is_unchanged(variable, before):
                raise ValueError(f"{path!r} was made read-only, resized or reshaped after build")
        checked: list[Gradient | None] = [None] * len(self.variables)
        missing = []
        matched = self._match(grads, variables)
        for index, gradient in matched.items():
            if gradient is None:
                missing.append(self.paths[index])
            else:
                checked[index] = self._check_gradient(index, gradient)
        if len(missing) == len(matched):
            raise ValueError("no variable has a gradient")
        if missing:
            warnings.warn(f"no gradient for {', '.join(missing)}", stacklevel=4)
        return checked

    def fill_missing(self, gradients: list[Gradient | None], chosen: Mask) -> None:
        """A gradient that is missing now but was there since the last update counts as zero."""
        for index in np.flatnonzero(chosen):
            if gradients[index] is None:
                zeros = np.zeros_like(self.variables[index])
                gradients[index] = Gradient(zeros, address(zeros))


def initial_state(state: State, variable: Array, settings: Settings) -> Array:
    """A state array as it is before the first update, in the memory layout of its variable."""
    # A view doesn't own its memory, so that whoever gets it can't resize, and thereby move, it.
    array = np.empty_like(variable, subok=False).view()
    value: Any = state.initial
    if isinstance(value, str):
        value = variable if value == "param" else settings[value]
    array[...] = value
    return array
