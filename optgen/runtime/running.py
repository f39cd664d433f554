"""A phase of a program on the host: its passes over chunks and tiles, then its scalars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optgen.runtime.arrays import Array, address
from optgen.runtime.cpu.jit import Kernel, Loop
from optgen.runtime.cpu.launch import launching, loop_for
from optgen.runtime.cpu.matrix_calls import MatrixCalls
from optgen.runtime.kernels import MATRIX, Builder, Phase, built
from optgen.runtime.shards import Vector, Whole
from optgen.runtime.tables import Tables
from optgen.runtime.transaction import Call
from optgen.runtime.view import ROW_COUNT, SIZE

#: What an element of a vector costs, in elements of a pass.
_OF_VECTORS = 8

Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Part:
    """The variables of one switch setting, which share a launch.

    The last row of ``factors`` has numbers of the optimizer; all parts share the array.
    """

    on: Mapping[str, bool]
    members: Mask
    scalars: Array
    factors: Array


class Running:
    """The calls of one phase over chosen variables."""

    def __init__(
        self,
        phase: Phase,
        parts: Sequence[Part],
        tables: Tables,
        shapes: Array,
        chosen: Mask,
        whole: Whole | None,
        matrices: MatrixCalls,
        loops: Callable[[int], Loop] = loop_for,
    ) -> None:
        self._phase, self._parts, self._tables = phase, parts, tables
        self._shapes, self._chosen, self._whole = shapes, chosen, whole
        self._matrices, self._loops = matrices, loops
        # Those of a part without elements are results of nothing.
        self.sums = np.tile([*map(_of_nothing, phase.every_order)], (len(shapes), 1))
        found = [(part, phase.builder(part.on)) for part in parts]
        self._passing = [(part, builder) for part, builder in found if builder is not None]

    def calls(self) -> list[Call]:
        """All calls of the phase, in order."""
        return [*self.passes(), *self.scalars(), *self.matrix_calls()]

    @property
    def has_passed(self) -> bool:
        """Whether the phase has a pass in any part."""
        return bool(self._passing)

    def passes(self) -> Iterator[Call]:
        """The calls over elements, and those that add up the sums of other processes."""
        whole, vectors = self._whole, self._vectors()
        yield from ((array.fill, _of_nothing(order)) for _, array, order in vectors)
        for part, builder in self._passing:
            by_rows = self._by_rows(part)
            yield from (self._over_tiles if by_rows else self._over_chunks)(part, builder)
        if whole is not None and self._passing and self._phase.sums:
            yield whole.complete, self.sums, self._phase.every_order
        if whole is not None and vectors:
            yield whole.complete_vectors, vectors

    def _vectors(self) -> list[Vector]:
        """The results for rows and columns of variables of which other processes have parts."""
        whole = self._whole
        if whole is None or not self._phase.vectors:
            return []
        chosen = np.zeros_like(self._chosen)
        for part, _ in self._passing:
            chosen |= self._chosen & part.members if part.on[MATRIX] else False
        spread = [
            k
            for k in np.flatnonzero(chosen).tolist()
            if k in whole.owned or whole.part(k) is not None
        ]
        named = [(self._tables.arrays(name), order) for name, order in self._phase.vectors]
        found = [(k, arrays[k], order) for arrays, order in named for k in spread]
        return [(k, array, order) for k, array, order in found if array is not None]

    def _over_chunks(self, part: Part, builder: Builder) -> Iterator[Call]:
        tables = self._tables
        for formats, elements, chunks in tables.work(self._chosen & part.members, self._phase.over):
            loop = self._loops(elements)
            arguments = [tables.addresses, tables.rows, part.scalars, part.factors]
            if self._phase.sums:
                arguments += [self.sums, np.empty((len(chunks), self._phase.sums))]
            yield launching(built(builder, part.on, formats, loop), loop, chunks, *arguments)

    def _over_tiles(self, part: Part, builder: Builder) -> Iterator[Call]:
        tables, phase = self._tables, self._phase
        for work in tables.tiles(self._chosen & part.members):
            loop = self._loops(work.elements)
            kernel = built(builder, part.on, work.formats, loop, work.is_scattered)
            partial = np.empty((len(work.tiles), phase.sums))
            held = [np.empty(work.row_results) for _ in range(phase.rows)]
            held += [np.empty(work.column_results) for _ in range(phase.columns)]
            places = np.array([address(one) for one in held], np.int64)
            own = tables.addresses, tables.rows, tables.shapes, part.scalars, part.factors
            results = self.sums, partial, places[: phase.rows], places[phase.rows :]
            yield launching(kernel, loop, work.tiles, *own, *results)
            # A call that keeps what the kernel reaches by address.
            yield len, held

    def scalars(self) -> Iterator[Call]:
        """The calls that compute numbers and vectors from the results of the pass."""
        phase = self._phase
        if not (self._passing or phase.is_due_anyway or not phase.is_pass):
            return
        if phase.shared is not None and (part := next(iter(self._parts), None)) is not None:
            first = np.flatnonzero(self._chosen)[:1]
            yield self._computing(built(phase.shared, part.on), range, first, part)
        if phase.scalars is not None:
            for part in self._parts:
                some = self._chosen & part.members & (self._shapes[:, SIZE] > 0)
                lines = self._shapes[some, ROW_COUNT:].sum() if self._by_rows(part) else 0
                loop = self._loops(_OF_VECTORS * int(lines))
                kernel = built(phase.scalars, part.on, loop)
                yield self._computing(kernel, loop, np.flatnonzero(some), part)

    def _by_rows(self, part: Part) -> bool:
        return self._phase.is_axial and part.on[MATRIX]

    def matrix_calls(self) -> Iterator[Call]:
        """The calls of a library that computes functions of whole matrices."""
        for call in self._phase.calls:
            members = np.zeros_like(self._chosen)
            for part in self._parts:
                members |= part.members & (part.on.get(MATRIX, False) and call.when(part.on))
            yield from self._matrices.of(call, self._chosen & members)

    def _computing(self, kernel: Kernel, loop: Loop, tensors: Array, part: Part) -> Call:
        tables = self._tables
        own = tensors, tables.addresses, tables.rows, self._shapes, part.scalars
        return launching(kernel, loop, *own, self.sums, part.factors)


def _of_nothing(order: int) -> float:
    """The result of no values: a sum for 0, a largest or smallest value for 1 or -1."""
    return -order * np.inf if order else 0.0
