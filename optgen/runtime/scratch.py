"""Scratch matrices of variables, those of one shape side by side, so that libraries take them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.matrix_calls import ELEMENT, form_of
from optgen.runtime.view import View

if TYPE_CHECKING:
    from optgen.runtime.memory import Memory

#: Scratch arrays by name, one for each variable that has one.
Arrays = dict[str, list[Array | None]]


@dataclass(frozen=True)
class Batch:
    """Variables of one shape and dtype, with their scratch matrices by name.

    Each is an array of the dimensions variable, matrix, row and column.
    """

    members: np.ndarray[tuple[int], np.dtype[np.int64]]
    rows: int
    columns: int
    matrices: Mapping[str, Array]


class Scratch:
    """The scratch matrices of an optimizer."""

    def __init__(
        self,
        memory: Memory,
        variables: Sequence[Array],
        views: Sequence[View | None],
        names: Sequence[tuple[str, str]],
    ) -> None:
        """``names`` are those of the matrices, each with its shape."""
        self.arrays: Arrays = {name: [None] * len(variables) for name, _ in names}
        self.batches: list[Batch] = []
        alike: dict[object, list[int]] = {}
        for index, (variable, view) in enumerate(zip(variables, views, strict=True)):
            if view is None or not names or not view.shape[0]:
                continue
            _, form = memory.form(variable)
            alone = index if view.row_places is not None else -1
            key = form, view.matrices, view.rows, view.columns, alone
            alike.setdefault(key, []).append(index)
        for members in alike.values():
            first = views[members[0]]
            assert first is not None
            made = {
                name: self._made(memory, variables, members, first, name, shape)
                for name, shape in names
            }
            self.batches.append(Batch(np.array(members), first.rows, first.columns, made))

    def _made(
        self,
        memory: Memory,
        variables: Sequence[Array],
        members: Sequence[int],
        view: View,
        name: str,
        shape: str,
    ) -> Array:
        """One matrix of all variables of a batch."""
        rows, columns = form_of(shape, view.rows, view.columns)
        like, own = variables[members[0]], self.arrays[name]
        if shape == ELEMENT and view.row_places is not None:
            # Passes visit it in the order of the variable's memory.
            array = memory.new(like, 0.0)
            own[members[0]] = array
            return memory.matrices(array, view)[None]
        base = memory.scratch(like, (len(members), view.matrices, rows, columns))
        for place, index in enumerate(members):
            own[index] = base[place]
        return base
