"""A phase of a program on the host: its passes over chunks and tiles, then its scalars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optgen.runtime.arrays import Array, address
from optgen.runtime.cpu.launch import launching, loop_for
from optgen.runtime.kernels import MATRIX, Builder, Phase, built
from optgen.runtime.tables import Tables
from optgen.runtime.transaction import Call
from optgen.runtime.view import SIZE

Mask = np.ndarray[Any, np.dtype[np.bool_]]
#: Turns results for the parts of variables, a row for each, into those for the whole, in place;
#: the numbers are 0 for a column of sums, 1 for largest and -1 for smallest values.
Complete = Callable[[Array, Sequence[int]], None]


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
        complete: Complete | None,
    ) -> None:
        self._phase, self._parts, self._tables = phase, parts, tables
        self._shapes, self._chosen, self._complete = shapes, chosen, complete
        # Those of a part without elements are results of nothing.
        nothing = [-order * np.inf if order else 0.0 for order in phase.every_order]
        self.sums = np.tile(nothing, (len(shapes), 1))
        found = [(part, phase.over(part.on)) for part in parts]
        self._passing = [(part, builder) for part, builder in found if builder is not None]

    @property
    def has_passed(self) -> bool:
        """Whether the phase has a pass in any part."""
        return bool(self._passing)

    def passes(self) -> Iterator[Call]:
        """The calls over elements, and the one that adds up the sums of other processes."""
        for part, builder in self._passing:
            is_axial = self._phase.is_axial and part.on[MATRIX]
            yield from (self._over_tiles if is_axial else self._over_chunks)(part, builder)
        if self._complete is not None and self._passing and self._phase.sums:
            yield self._complete, self.sums, self._phase.every_order

    def _over_chunks(self, part: Part, builder: Builder) -> Iterator[Call]:
        tables = self._tables
        for real, elements, chunks in tables.work(self._chosen & part.members):
            loop = loop_for(elements)
            arguments = [tables.addresses, tables.rows, part.scalars, part.factors]
            if self._phase.sums:
                arguments += [self.sums, np.empty((len(chunks), self._phase.sums))]
            yield launching(built(builder, part.on, real, loop), loop, chunks, *arguments)

    def _over_tiles(self, part: Part, builder: Builder) -> Iterator[Call]:
        tables, phase = self._tables, self._phase
        for work in tables.tiles(self._chosen & part.members):
            loop = loop_for(work.elements)
            kernel = built(builder, part.on, work.real, loop, work.is_scattered)
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
            yield self._computing(phase.shared, part, np.flatnonzero(self._chosen)[:1])
        if phase.scalars is not None:
            for part in self._parts:
                some = self._chosen & part.members & (self._shapes[:, SIZE] > 0)
                yield self._computing(phase.scalars, part, np.flatnonzero(some))

    def _computing(self, builder: Builder, part: Part, tensors: Array) -> Call:
        tables = self._tables
        own = tensors, tables.addresses, tables.rows, self._shapes, part.scalars
        return launching(built(builder, part.on), range, *own, self.sums, part.factors)
