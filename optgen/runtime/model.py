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
from optgen.runtime.kernels import CHECK_FINITE, CONSTRAINED, Kernels
from optgen.runtime.matching import Gradients, Matcher, Variables, by_path
from optgen.runtime.settings import Row, Settings
from optgen.runtime.tables import Tables
from optgen.runtime.treatment import Treatment

#: The state of a variable that takes its gradient's value: the largest since the last update.
LARGEST_GRADIENT = "largest_gradient"


class Model:
    """What an optimizer knows once it is built."""

    def __init__(
        self,
        variables: Variables,
        declared: Sequence[State],
        settings: Settings,
        treatment: Treatment,
        kernels: Kernels,
    ) -> None:
        self.named = named = by_path(variables)
        self.paths, self.variables = tuple(named), tuple(check_variables(named))
        self.constraints = treatment.constraints_of(named)
        overwritten = treatment.overwritten(named)
        #: Variables that a rule updates; the others take their gradient's value.
        self.trained: Mask = np.array([path not in overwritten for path in named], np.bool_)
        self.overwritten = tuple(int(index) for index in np.flatnonzero(~self.trained))
        self.constrained: Mask = np.array([path in self.constraints for path in named], np.bool_)
        self.rows = [
            Row(settings.options.fitting(path), treatment.exclusions.of(path, variable))
            for path, variable in named.items()
        ]
        self.row_set = tuple(dict.fromkeys([Row(), *self.rows]))
        switches = self._switches(settings, treatment)
        self.states = self._make_states(declared, settings, switches, kernels)
        rows = [self.row_set.index(row) for row in self.rows]
        tables = Tables(self.variables, kernels.buffers, self.states, rows)
        self.engine = Engine(kernels, tables, len(self.row_set), self._parts(switches))
        #: Which variables had a gradient since the last update.
        self.seen: Mask = np.zeros(len(self.variables), np.bool_)
        self._interfaces = [variable.__array_interface__ for variable in self.variables]
        self._check_gradient = GradientCheck(named, self._written())
        self._match = Matcher(named)
        for pattern in settings.options.idle(named):
            warnings.warn(f"options: no variable fits {pattern!r}", stacklevel=4)

    def _switches(self, settings: Settings, treatment: Treatment) -> list[dict[str, bool]]:
        """The setting of the switches for each variable."""
        by_fitting = {row.fitting: settings.on(row.fitting) for row in self.row_set}
        check = treatment.checks_gradients
        return [
            {**by_fitting[row.fitting], CHECK_FINITE: check, CONSTRAINED: path in self.constraints}
            for path, row in zip(self.paths, self.rows, strict=True)
        ]

    def _parts(self, switches: Sequence[dict[str, bool]]) -> list[tuple[dict[str, bool], Mask]]:
        distinct = {tuple(on.items()): on for on in switches}
        return [
            (on, self.trained & np.array([other == on for other in switches], np.bool_))
            for on in distinct.values()
        ]

    def _make_states(
        self,
        declared: Sequence[State],
        settings: Settings,
        switches: Sequence[dict[str, bool]],
        kernels: Kernels,
    ) -> dict[str, list[Array | None]]:
        states: dict[str, list[Array | None]] = {
            state.name: [
                initial_state(state.initial, variable, settings, row)
                if trained and state.when(on)
                else None
                for variable, row, on, trained in zip(
                    self.variables, self.rows, switches, self.trained, strict=True
                )
            ]
            for state in declared
        }
        #: Whether calls may only gather the gradient of a variable.
        self.gathers = [any(gate.when(on) for gate in kernels.gates) for on in switches]
        #: What the variables that aren't trained gather between two updates.
        self.largest: list[Array | None] = [
            None if trained or not gathers else np.zeros_like(variable)
            for variable, trained, gathers in zip(
                self.variables, self.trained, self.gathers, strict=True
            )
        ]
        return states

    def state_of(self, index: int) -> dict[str, Array]:
        """The state arrays of one variable by name."""
        pairs = [(name, arrays[index]) for name, arrays in self.states.items()]
        pairs.append((LARGEST_GRADIENT, self.largest[index]))
        return {name: array for name, array in pairs if array is not None}

    def _written(self) -> Iterator[tuple[str, Array]]:
        """Every array that a step writes, with what to call it in a message."""
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

    def positions(self, variables: Sequence[Array]) -> list[int]:
        """Where some of the variables stand. Raises ValueError for one that isn't known."""
        known = {id(variable): index for index, variable in enumerate(self.variables)}
        for number, variable in enumerate(variables):
            if id(variable) not in known:
                raise ValueError(f"variable {number} is one that the optimizer was not built with")
        return [known[id(variable)] for variable in variables]

    def fill_missing(self, gradients: list[Gradient | None], chosen: Mask) -> None:
        """A gradient that is missing now but was there since the last update counts as zero."""
        for index in np.flatnonzero(chosen):
            if gradients[index] is None:
                zeros = np.zeros_like(self.variables[index])
                gradients[index] = Gradient(zeros, address(zeros))


def initial_state(initial: float | str, variable: Array, settings: Settings, row: Row) -> Array:
    """A state array as it is before the first update, in the memory layout of its variable."""
    # A view doesn't own its memory, so that whoever gets it can't resize, and thereby move, it.
    array = np.empty_like(variable, subok=False).view()
    value: Any = initial
    if isinstance(value, str):
        value = variable if value == "param" else settings.of_row(value, row)
    array[...] = value
    return array
