"""The launches of a program over some variables of one device, phase by phase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from optgen.runtime.cpu.storage import Formats
from optgen.runtime.cuda.axes import fold_layers
from optgen.runtime.cuda.control import ANY
from optgen.runtime.cuda.device_tables import Mask, Part, Place
from optgen.runtime.cuda.devices import driver
from optgen.runtime.cuda.jit import VECTOR_BYTES, Kernel, Vector
from optgen.runtime.cuda.keeping import copies_of, keep
from optgen.runtime.cuda.launch_sequence import Host, Stage, Table
from optgen.runtime.cuda.sums import each_with, meet
from optgen.runtime.cuda.tile_list import Layers, Tiles
from optgen.runtime.cuda.work_list import Runs, Work
from optgen.runtime.kernels import MATRIX, Builder, Phase, Program, built

_REAL_BYTES = 8


@dataclass
class Launches:
    """A phase: its sums over all variables and for each, and its launches.

    ``scalars`` is empty if the single launch that sums also computes the numbers.
    """

    sums: Table
    passes: Stage
    scalars: Stage


@dataclass(frozen=True)
class Pass:
    """What runs over the elements of the members of one part and the same formats."""

    part: Part
    builder: Builder
    formats: Formats
    members: Host
    is_axial: bool

    @property
    def lanes(self) -> int:
        """The elements that a thread moves at once."""
        return VECTOR_BYTES // np.dtype(self.formats.real).itemsize


class ProgramLaunches:
    """Prepares the launches of a program over the chosen variables."""

    def __init__(
        self, place: Place, program: Program, chosen: Mask, deferred: bool, stream: int
    ) -> None:
        self._place, self._program, self._chosen = place, program, chosen
        self._deferred, self._stream = deferred, stream
        self._parts = [part for part in place.parts if program.when(part.on)]
        number = place.kernels.programs.index(program) if program.gate else 0
        #: The last arguments of kernels of the runtime.
        self._when = place.control.address, number if deferred else ANY

    def phase(self, number: int, is_only: bool) -> Launches:
        """The launches of a phase; ``is_only`` if no other device participates."""
        place, phase = self._place, self._program.phases[number]
        sums = place.sums_of(self._program, number)
        sums.send(self._stream)
        found = Launches(sums, *(Stage(place.device, self._stream) for _ in range(2)))
        passes = list(self._passes(phase))
        alone = is_only and len(passes) == 1 and self._is_fused(phase, passes[0])
        for one in passes:
            launch = self._over_tiles if one.is_axial else self._over_chunks
            launch(found, phase, one, alone)
        if phase.sums and len(passes) > 1:
            everyone = np.concatenate([one.members for one in passes])
            arguments = [found.passes.table(everyone), len(everyone), phase.sums, sums.address]
            found.passes.add(meet, "meet", [*arguments, *self._when])
        if not alone and (passes or phase.is_due_anyway or not phase.is_pass):
            self._add_scalars(found, phase, is_only)
        return found

    def keeping(self) -> Stage:
        """The launch that gives states that aren't arrays of elements their new values."""
        place = self._place
        every = (copies_of(k, place, self._parts, self._chosen) for k in self._program.keeps)
        copies = [copy for some in every for copy in some]
        stage = Stage(place.device, self._stream)
        if copies:
            table = stage.table(np.array(copies, np.int64))
            stage.add(keep, "keep", [table, len(copies), *self._when], len(copies))
        return stage

    def _passes(self, phase: Phase) -> Iterator[Pass]:
        for part in self._parts:
            builder = phase.builder(part.on)
            if builder is None:
                continue
            is_axial = phase.is_axial and part.on[MATRIX]
            for formats, members in self._place.alike(self._chosen & part.members):
                for some in self._by_layout(members) if is_axial else [members]:
                    yield Pass(part, builder, formats, some, is_axial)

    def _by_layout(self, members: Host) -> Iterator[Host]:
        """The members whose rows follow each other, and those that are scattered."""
        views = self._place.views
        is_scattered = np.array([views[index].row_places is not None for index in members])
        for some in (members[~is_scattered], members[is_scattered]):
            if len(some):
                yield some

    def _is_fused(self, phase: Phase, only: Pass) -> bool:
        """Whether the kernel that sums computes all numbers too."""
        if phase.scalars is None or phase.shared is not None or only.is_axial or not phase.sums:
            return False
        made = built(phase.scalars, only.part.on, self._place.kernels.widths)
        return not isinstance(made, Kernel)

    def _over_chunks(self, found: Launches, phase: Phase, one: Pass, alone: bool) -> None:
        stage, place = found.passes, self._place
        sizes = place.sizes_of(phase.over)[one.members]
        work = Work(one.members, sizes, place.segments)
        arguments = [stage.table(work.chunks), work.count, *self._common(one)]
        if phase.sums:
            arguments.append(place.sizes.address)
            arguments += self._folding(found, phase, one, work.runs, work.count)
        self._launch(stage, one, arguments, work.count, alone=alone)

    def _over_tiles(self, found: Launches, phase: Phase, one: Pass, alone: bool) -> None:
        stage, place = found.passes, self._place
        views = [place.views[index] for index in one.members]
        tiles = Tiles(one.members.tolist(), views, one.lanes, driver.THREADS)
        row_parts = stage.room(phase.rows * tiles.row_results)
        column_parts = stage.room(phase.columns * tiles.column_results)
        arguments = [stage.table(tiles.tiles), tiles.count, *self._common(one)]
        arguments += [place.sizes.address, stage.table(tiles.strips), place.places.address]
        arguments += [row_parts, tiles.row_results, column_parts, tiles.column_results]
        if phase.sums:
            arguments += self._folding(found, phase, one, tiles.runs, tiles.count)
        is_scattered = views[0].row_places is not None
        kernel = self._launch(stage, one, arguments, tiles.count, is_scattered)
        rows, columns = kernel.vectors[: phase.rows], kernel.vectors[phase.rows :]
        folds = [
            *self._folds(rows, tiles.rows, row_parts, tiles.row_results),
            *self._folds(columns, tiles.columns, column_parts, tiles.column_results),
        ]
        if folds:
            arguments = [stage.table(np.array(folds, np.int64)), len(folds), *self._when]
            stage.add(fold_layers, "fold_layers", arguments, len(folds))

    def _folds(
        self, vectors: Sequence[Vector], layers: Sequence[Layers], parts: int, results: int
    ) -> Iterator[tuple[int, ...]]:
        """How blocks combine the layers of vectors: a row of the table ``folds`` for each."""
        addresses, most = self._place.addresses.values, driver.THREADS
        for k, vector in enumerate(vectors):
            for one in layers if vector.is_on else ():
                target = int(addresses[one.tensor, vector.buffer])
                source = parts + _REAL_BYTES * (k * results + one.first)
                for first in range(0, one.length, most):
                    offset, count = _REAL_BYTES * first, min(most, one.length - first)
                    how = (one.length, one.number, vector.order)
                    yield (target + offset, source + offset, count, *how)

    def _folding(
        self, found: Launches, phase: Phase, one: Pass, runs: Runs, units: int
    ) -> list[int]:
        """The arguments with which the last block folds the sums of units of work."""
        stage = found.passes
        return [
            *(self._place.ticket.address, stage.room(units * phase.sums)),
            *(stage.table(runs.units), runs.count, stage.room(runs.count * phase.sums)),
            *(stage.table(runs.begins), stage.table(one.members), len(one.members)),
            found.sums.address,
        ]

    def _add_scalars(self, found: Launches, phase: Phase, is_only: bool) -> None:
        """Add the launches that compute numbers of the optimizer, then those of each variable."""
        place, stage = self._place, found.scalars
        if is_only and phase.sums and not found.passes:
            # The sums over no variable are 0.
            arguments = [found.sums.address, 0, phase.sums, found.sums.address]
            stage.add(meet, "meet", [*arguments, *self._when])
        if phase.shared is not None and self._parts and self._chosen.any():
            part = self._parts[0]
            first = int(np.flatnonzero(self._chosen)[0])
            arguments = [first, place.addresses.address, part.scalars.address]
            arguments += [found.sums.address, place.factors.address, *self._when]
            kernel = built(phase.shared, part.on, place.kernels.widths)
            stage.add(kernel, place.key(phase.shared, part.on), arguments)
        for part in self._parts if phase.scalars is not None else ():
            assert phase.scalars is not None
            members = np.flatnonzero(self._chosen & part.members & place.present)
            if not len(members):
                continue
            made = built(phase.scalars, part.on, place.kernels.widths)
            kernel = made if isinstance(made, Kernel) else each_with(made)
            tables = (place.addresses, place.rows, place.sizes, part.scalars, found.sums)
            arguments = [stage.table(members), len(members), *(t.address for t in tables)]
            arguments += [place.factors.address, *self._when]
            blocks = len(members) if kernel is made else 1
            stage.add(kernel, place.key(phase.scalars, part.on), arguments, blocks)

    def _common(self, one: Pass) -> tuple[int, ...]:
        place = self._place
        tables = (place.addresses, place.rows, one.part.scalars, place.factors)
        return (*(table.address for table in tables), place.control.address)

    def _launch(
        self,
        stage: Stage,
        one: Pass,
        arguments: Sequence[int],
        blocks: int,
        *scattered: bool,
        alone: bool = False,
    ) -> Kernel:
        """Add the launch of a pass and return its kernel."""
        on: Mapping[str, bool] = {**one.part.on, "deferred": self._deferred, "alone": alone}
        fixed = one.formats, one.lanes, driver.THREADS, self._place.kernels.widths, *scattered
        kernel: Kernel = built(one.builder, on, *fixed)
        key = (one.formats.name, *scattered, self._place.key(one.builder, on))
        stage.add(kernel, key, arguments, blocks)
        return kernel
