"""Allocation of what persists beside the variables: states, scratch vectors, numbers of calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.chunks import Segments, one_segment
from optgen.runtime.dtypes import wide_name
from optgen.runtime.hyperparameters.declarations import BLOCK, RANK, Input, State
from optgen.runtime.hyperparameters.settings import Row, Settings
from optgen.runtime.hyperparameters.storage import Storage
from optgen.runtime.kernels import MATRIX, OPTIMIZER
from optgen.runtime.matrix_blocks import in_blocks
from optgen.runtime.matrix_calls import is_matrix
from optgen.runtime.memory import Mask, Memory
from optgen.runtime.parts import NewStates, StateSource
from optgen.runtime.shards import Whole
from optgen.runtime.state_storage import Layout, Uncoded, may_have_codes, storage_of_state
from optgen.runtime.view import View, state_form

#: The shape of states that are arrays of elements.
ELEMENT = "element"
#: Arrays by name, one for each variable that has one.
Arrays = dict[str, list[Array | None]]


def views_of(
    memory: Memory,
    variables: Sequence[Array],
    rows: Sequence[Row],
    view: str,
    settings: Settings,
    splits: Sequence[int],
    whole: Whole | None,
) -> list[View | None]:
    """The views of variables of at least two dimensions that the user didn't exclude.

    ``settings`` bound the rank of each variable and the sides of its blocks; ``splits`` has how
    many matrices it is stacked of.
    """
    found: list[View | None] = []
    for index, (variable, row) in enumerate(zip(variables, rows, strict=True)):
        part = None if whole is None else whole.part(index)
        if not view or len(variable.shape) < 2 or MATRIX in row.excluded:
            found.append(None)
        elif part is None:
            found.append(memory.view(variable, view, parts=splits[index]))
        elif splits[index] > 1:
            raise ValueError("a variable of which other processes have parts can't be split")
        else:
            found.append(memory.view(variable, view, part))
    return [
        None if one is None else _bounded(one, variable, settings, row)
        for one, variable, row in zip(found, variables, rows, strict=True)
    ]


def _bounded(view: View, variable: Array, settings: Settings, row: Row) -> View:
    """The view in blocks, and with a rank, where the settings bound these."""
    try:
        found = in_blocks(view, settings.bound_of(BLOCK, row))
    except ValueError as error:
        raise ValueError(f"a variable of shape {tuple(variable.shape)}: {error}") from None
    return replace(found, rank=settings.bound_of(RANK, row))


def views_here(views: Sequence[View | None], owned: Mapping[int, bool]) -> list[View | None]:
    """The views of variables, without those of which another process has all."""
    return [view if owned.get(index, True) else None for index, view in enumerate(views)]


def segments_of(
    memory: Memory,
    variables: Sequence[Array],
    whole: Whole | None,
    has_draws: bool,
    storage: Storage,
) -> list[Segments | None]:
    """The segments of each variable that is a part of a larger one; empty if none is.

    They count where a rule ``has_draws``, or its storage has noise. For that of blocks alone, a
    part whose segments end inside of blocks is one.
    """
    are_drawn = has_draws or storage.is_drawn
    if whole is None or not (are_drawn or storage.has_noise):
        return []
    found: list[Segments | None] = []
    for index, variable in enumerate(variables):
        part = None if index in whole.irregular else whole.part(index)
        own = None if part is None else memory.segments(variable, part)
        if part is not None and own is not None and not (are_drawn or own.has_blocks):
            own = one_segment(part)
        found.append(own)
    return found if any(found) else []


def initial_value(state: State, settings: Settings, row: Row) -> float | None:
    """The initial value of a state; None for the variable's value."""
    if not isinstance(state.initial, str):
        return state.initial
    # What all variables share begins with the optimizer's own hyperparameters.
    row = Row() if state.shape == OPTIMIZER else row
    return None if state.initial == "param" else settings.of_row(state.initial, row)


class Allocation:
    """Allocates in the memory of the variables; ``source`` may have states already."""

    def __init__(
        self,
        memory: Memory,
        variables: Sequence[Array],
        views: Sequence[View | None],
        source: StateSource,
        segments: Sequence[Segments | None] = (),
        whole: Whole | None = None,
    ) -> None:
        self._place, self._views, self._source = (memory, variables), views, source
        self._segments, self._whole = segments, whole
        #: States that all variables share.
        self.shared: dict[str, Array] = {}

    def states(
        self,
        declared: Sequence[State],
        settings: Settings,
        storage: Storage,
        paths: Sequence[str],
        rows: Sequence[Row],
        switches: Sequence[Mapping[str, bool]],
        trained: Mask,
    ) -> Arrays:
        """The states of all variables that have them, each given its path, row and switches."""
        storage.warn_of_unused(paths)
        memory, variables = self._place
        forms = [memory.form(variable)[1] for variable in variables]
        uncoded = Uncoded()

        def storage_at(state: State, index: int, on: Mapping[str, bool]) -> str:
            asked = storage.of_state(state, on, paths[index], forms[index])
            layout, wide = self._layout(index), wide_name(forms[index])
            is_noted = self._is_divided(index) and may_have_codes(asked, state, layout.size)
            if is_noted and (obstacle := layout.obstacle):
                uncoded.add(paths[index], asked, wide, obstacle)
            return storage_of_state(asked, wide, state, layout)

        found = {
            state.name: [
                self.state(
                    state,
                    index,
                    initial_value(state, settings, row),
                    storage_at(state, index, on) if state.shape == ELEMENT else "",
                )
                if trained[index] and state.when(on)
                else None
                for index, (row, on) in enumerate(zip(rows, switches, strict=True))
            ]
            for state in declared
        }
        uncoded.warn()
        return found

    def apart(self, declared: Sequence[State]) -> tuple[set[str], dict[str, Array]]:
        """The names of probes and of shared states, and the shared states without probes."""
        probes = {one.name for one in declared if one.is_probe}
        own = {name: array for name, array in self.shared.items() if name not in probes}
        return probes | {*self.shared}, own

    def state(self, state: State, index: int, value: float | None, storage: str) -> Array:
        """A state of one variable; the first one makes what all variables share.

        One with a number for each element has that ``storage``. The ``value`` None is that of the
        variable.
        """
        source = NewStates() if state.is_probe else self._source
        if state.shape == ELEMENT:
            return source.state(*self._place, index, state.name, value, storage)
        assert value is not None
        if state.shape == OPTIMIZER:
            if state.name not in self.shared:
                shared = source.number(*self._place, None, state.name, (), value)
                self.shared[state.name] = shared
            return self.shared[state.name]
        view = self._views[index]
        if view is not None and is_matrix(state.shape):
            shape = state_form(view, state.shape)
            return source.number(*self._place, index, state.name, shape, value, is_own=True)
        length = view.length(state.shape) if view is not None else ()
        return source.number(*self._place, index, state.name, length, value)

    def _is_divided(self, index: int) -> bool:
        whole = self._whole
        return whole is not None and (index in whole.owned or whole.part(index) is not None)

    def _layout(self, index: int) -> Layout:
        memory, variables = self._place
        whole, view = self._whole, self._views[index]
        segments = self._segments[index] if self._segments else None
        if whole is None:
            return Layout(prod(memory.form(variables[index])[0]), view, segments)
        own = index in whole.irregular, index in whole.owned
        return Layout(int(whole.sizes[index]), view, segments, *own)

    def vectors(self, shapes: Sequence[tuple[str, str]]) -> Arrays:
        """Scratch vectors of the variables that are matrices, given what each has numbers for."""
        return {
            name: [
                None
                if view is None
                else NewStates().number(*self._place, index, name, view.length(shape), 0.0)
                for index, view in enumerate(self._views)
            ]
            for name, shape in shapes
        }

    def numbers(self, inputs: Sequence[Input]) -> Mapping[str, Array]:
        """The inputs that are one number, which calls set."""
        return {
            one.name: NewStates().number(*self._place, None, one.name, (), 0.0)
            for one in inputs
            if one.shape == OPTIMIZER and self._views
        }
