"""Scratch matrices: batches of variables of one shape, which take turns in one memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.batch import ALIGNMENT, Batch
from optgen.runtime.matrix_calls import ELEMENT
from optgen.runtime.memory import Memory
from optgen.runtime.view import View, element_places, steps_of

#: Scratch arrays by name, one for each variable that has one.
Arrays = dict[str, list[Array | None]]
#: Names, each with a shape and a slot.
Names = Sequence[tuple[str, str, int]]
#: Elements of the scratch matrices of a batch, if it has more than one variable.
MOST_ELEMENTS = 8 * 1024 * 1024


class Scratch:
    """The scratch matrices of an optimizer.

    A step works on one batch after the other, so that batches share memory; ``is_whole`` gives each
    its own, for rules with stages that need the results of all variables.
    """

    def __init__(
        self,
        memory: Memory,
        variables: Sequence[Array],
        views: Sequence[View | None],
        names: Names,
        *,
        is_whole: bool,
    ) -> None:
        self._memory, self._names = memory, names
        self.arrays: Arrays = {name: [None] * len(variables) for name, *_ in names}
        groups = [*self._groups(variables, views)] if names else []
        pools: dict[str, Array] = {}
        for form in {form for _, form, _, _ in groups}:
            counts = [
                sum(self._regions(view, len(some)).values())
                for some, f, _, view in groups
                if f == form
            ]
            near = next(variables[some[0]] for some, f, _, _ in groups if f == form)
            size = sum(counts) if is_whole else max(counts)
            pools[form] = memory.scratch(near, (size,))
        self.batches: list[Batch] = []
        used = dict.fromkeys(pools, 0)
        for some, form, variable, view in groups:
            pool = pools[form][used[form] :]
            used[form] += sum(self._regions(view, len(some)).values()) if is_whole else 0
            self.batches.append(self._batch(some, pool, variable, view))

    def _groups(
        self, variables: Sequence[Array], views: Sequence[View | None]
    ) -> Iterator[tuple[list[int], str, Array, View]]:
        """The variables of each batch, with their dtype, the first of them, and its view."""
        alike: dict[object, list[int]] = {}
        for index, (variable, view) in enumerate(zip(variables, views, strict=True)):
            # What has no rows may have squares of its columns.
            if view is not None and self._elements(view):
                _, form = self._memory.form(variable)
                alone = index if view.row_places is not None else -1
                key = form, view.matrices, view.rows, view.columns, view.rank, alone
                alike.setdefault(key, []).append(index)
        for (form, *_), members in ((tuple(key), some) for key, some in alike.items()):  # type: ignore[arg-type]
            first = views[members[0]]
            assert first is not None
            most = max(1, MOST_ELEMENTS // self._elements(first))
            for start in range(0, len(members), most):
                some = members[start : start + most]
                yield some, form, variables[some[0]], first

    def _regions(self, view: View, count: int) -> dict[tuple[str, int], int]:
        """The number of elements of each slot, for so many variables."""
        return {
            (shape, slot): _aligned(count * self._size(shape, view))
            for _, shape, slot in self._names
        }

    def _size(self, shape: str, view: View) -> int:
        """The number of elements of a matrix, or of a batch of matrices, for one variable."""
        return view.matrices * prod(view.form(shape))

    def _elements(self, view: View) -> int:
        return sum(self._regions(view, 1).values())

    def _batch(self, members: Sequence[int], pool: Array, variable: Array, view: View) -> Batch:
        regions: dict[tuple[str, int], Array] = {}
        start = 0
        for (shape, slot), size in self._regions(view, len(members)).items():
            used = len(members) * self._size(shape, view)
            regions[shape, slot] = pool[start : start + used]
            start += size
        # Passes visit what is scattered in the order of the variable's memory.
        is_scattered = view.row_places is not None and view.shape[0] > 0
        places = element_places(view) if is_scattered and steps_of(view) is None else None
        made: dict[str, Array] = {}
        for name, shape, slot in self._names:
            region, form = regions[shape, slot], view.form(shape)
            whole = region.reshape(len(members), view.matrices, *form)
            for place, index in enumerate(members):
                self.arrays[name][index] = whole[place]
            if shape == ELEMENT and is_scattered:
                whole = (region if places is not None else self._memory.matrices(region, view))[
                    None
                ]
            made[name] = whole
        return Batch(np.array(members), view.rows, view.columns, made, places)


def _aligned(elements: int) -> int:
    """A number of elements, at least so many, after which another line begins for any dtype."""
    return -(-elements // ALIGNMENT) * ALIGNMENT
