"""The tables of one optimizer on one device, and its launches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from optgen.runtime.cuda.devices import driver
from optgen.runtime.cuda.jit import VECTOR_BYTES
from optgen.runtime.cuda.launch_sequence import Host, Stage, Table
from optgen.runtime.cuda.sums import each_with, meet
from optgen.runtime.cuda.work_list import Work
from optgen.runtime.kernels import Builder, Kernels, Phase, Program, Widths, built, switches_of

Mask = np.ndarray[Any, np.dtype[np.bool_]]


class Part(NamedTuple):
    """The variables of one setting of the switches on a device, with their scalars."""

    on: Mapping[str, bool]
    members: Mask
    scalars: Table
    factors: Table


@dataclass
class Sums:
    """A prepass: its sums over all variables and for each, and the launches that use them.

    ``finish`` is empty if the single launch that sums also computes the scalars.
    """

    table: Table
    stage: Stage
    finish: Stage


class Place:
    """All data of an optimizer on one device."""

    def __init__(
        self,
        device: int,
        kernels: Kernels,
        sizes: Host,
        dtypes: Sequence[np.dtype[Any]],
        rows: Sequence[int],
        parts: Sequence[tuple[Mapping[str, bool], Mask]],
        row_count: int,
        control: int,
    ) -> None:
        self.device, self._kernels, self._dtypes = device, kernels, list(dtypes)
        count, widest = len(sizes), len(kernels.factors)
        self.sizes = Table(device, np.asarray(sizes, np.int64))
        self._rows = Table(device, np.asarray(rows, np.int64))
        self.addresses = Table(device, np.zeros((count, len(kernels.buffers)), np.int64))
        self.parts = [
            Part(
                on,
                members,
                Table(device, np.zeros((row_count, len(kernels.scalars)))),
                Table(device, np.zeros((count, widest))),
            )
            for on, members in parts
        ]
        self._control = control
        self._ticket = Table(device, np.zeros(1, np.int64))
        self._sums: dict[tuple[str, int], Table] = {}
        self._has_begun = False

    def send(self, stream: int, scalars: bool) -> None:
        """Upload the tables that may have changed since the last call.

        The scalars are omitted if the device computes them.
        """
        if not self._has_begun:
            for table in (self.sizes, self._rows, self._ticket, *(p.factors for p in self.parts)):
                table.send(stream)
            self._has_begun = True
        self.addresses.send(stream)
        for part in self.parts:
            if scalars:
                part.scalars.send(stream)

    def elements(self, program: Program, chosen: Mask, deferred: bool, stream: int) -> Stage:
        """The launches of a program over the chosen variables."""
        stage = Stage(self.device, stream)
        for part, real, work in self._works(program, chosen):
            arguments = [stage.table(work.chunks), work.count, *self._shared(part)]
            on = {**part.on, "deferred": deferred}
            self._launch(stage, program.elements.over(on), on, real, arguments, work.count)
        return stage

    def sums(
        self, program: Program, number: int, chosen: Mask, deferred: bool, alone: bool, stream: int
    ) -> Sums:
        """A prepass over the chosen variables; ``alone`` if no other device participates."""
        prepass = program.prepasses[number]
        works = [w for w in self._works(program, chosen) if prepass.when(w[0].on)]
        alone = alone and len(works) == 1
        stages = (Stage(self.device, stream) for _ in range(2))
        found = Sums(self.sums_of(program, number), *stages)
        found.table.send(stream)
        for part, real, work in works:
            on = {**part.on, "deferred": deferred, "alone": alone}
            arguments = self._sum_arguments(part, work, prepass, found)
            self._launch(found.stage, prepass.over(on), on, real, arguments, work.count)
        if works and not alone:
            self._finish(prepass, works, found)
        return found

    def sums_of(self, program: Program, number: int) -> Table:
        """The table that a prepass fills: a row for all variables, then one for each."""
        key = (program.name, number)
        if key not in self._sums:
            width = program.prepasses[number].sums
            self._sums[key] = Table(self.device, np.zeros((len(self._dtypes) + 1) * width))
        return self._sums[key]

    def _sum_arguments(self, part: Part, work: Work, prepass: Phase, found: Sums) -> list[int]:
        stage, runs = found.stage, len(work.runs) - 1
        return [
            *(stage.table(work.chunks), work.count, *self._shared(part)),
            *(self._ticket.address, stage.room(work.count * prepass.sums)),
            *(stage.table(work.runs), runs, stage.room(runs * prepass.sums)),
            *(stage.table(work.begins), stage.table(work.members), len(work.members)),
            *(self.sizes.address, found.table.address),
        ]

    def _finish(
        self, prepass: Phase, works: Sequence[tuple[Part, type, Work]], found: Sums
    ) -> None:
        """Add the launches that combine the sums of several launches."""
        members = np.concatenate([work.members for _, _, work in works])
        everyone = found.stage.table(members)
        arguments = [everyone, len(members), prepass.sums, found.table.address]
        found.stage.add(meet, "meet", arguments)
        for part, _, work in works if prepass.scalars else ():
            assert prepass.scalars is not None
            arguments = [
                *(found.finish.table(work.members), len(work.members)),
                *(self._rows.address, self.sizes.address),
                *(part.scalars.address, found.table.address, part.factors.address),
            ]
            widths = self._kernels.widths
            kernel = each_with(built(prepass.scalars, part.on, widths))
            found.finish.add(kernel, self.key(prepass.scalars, part.on, widths), arguments)

    def _works(self, program: Program, chosen: Mask) -> Iterator[tuple[Part, type, Work]]:
        """The nonempty parts of a program, by dtype."""
        sizes = self.sizes.values
        for part in self.parts:
            if not program.when(part.on):
                continue
            members = np.flatnonzero(chosen & part.members & (sizes > 0))
            for dtype in dict.fromkeys(self._dtypes[index] for index in members):
                listed = np.array([i for i in members if self._dtypes[i] == dtype], np.int64)
                yield part, dtype.type, Work(listed, sizes[listed], dtype.itemsize)

    def _shared(self, part: Part) -> tuple[int, ...]:
        tables = (self.addresses, self._rows, part.scalars, part.factors)
        return (*(table.address for table in tables), self._control)

    def _launch(
        self,
        stage: Stage,
        builder: Builder | None,
        on: Mapping[str, bool],
        real: type,
        arguments: Sequence[int],
        blocks: int,
    ) -> None:
        lanes = VECTOR_BYTES // np.dtype(real).itemsize
        assert builder is not None
        fixed = (real, lanes, driver.THREADS, self._kernels.widths)
        key = (real.__name__, self.key(builder, on, self._kernels.widths))
        stage.add(built(builder, on, *fixed), key, arguments, blocks)

    @staticmethod
    def key(builder: Builder, on: Mapping[str, bool], widths: Widths) -> tuple[Any, ...]:
        """The key that distinguishes the kernels of a builder."""
        switches = tuple((name, on[name]) for name in switches_of(builder))
        return builder.__module__, builder.__name__, widths, switches
