"""A step on the host: host scalars, then the program of this call over all variables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from optgen.runtime.arrays import Array, Gradient
from optgen.runtime.batch import Batch, turns
from optgen.runtime.chunks import Segments
from optgen.runtime.cpu.jit import Loop
from optgen.runtime.cpu.keeping import keep_numbers, keep_vectors
from optgen.runtime.cpu.launch import commit, launching, loop_between_calls, loop_for
from optgen.runtime.cpu.matrix_calls import NUMPY, MatrixCalls, inner
from optgen.runtime.cpu.scalars import Steps, compute
from optgen.runtime.decisions import Decisions
from optgen.runtime.kernels import CHECK_FINITE, OPTIMIZER, Kernels, Phase, Program, built
from optgen.runtime.matrix_library import MatrixLibrary
from optgen.runtime.norms import joint_norm
from optgen.runtime.running import Mask, Part, Running
from optgen.runtime.shards import Whole
from optgen.runtime.tables import Tables
from optgen.runtime.transaction import Call
from optgen.runtime.view import SIZE, VECTOR_LENGTHS


class Engine:
    """Runs the programs of an optimizer over the tables of its variables."""

    def __init__(
        self,
        kernels: Kernels,
        tables: Tables,
        rows: int,
        members: Sequence[tuple[Mapping[str, bool], Mask]],
        batches: Sequence[Batch] = (),
        library: MatrixLibrary = NUMPY,
    ) -> None:
        self._kernels, self._tables, self._batches = kernels, tables, batches
        self._library = library
        factors = np.zeros((len(tables.sizes) + 1, len(kernels.factors)))
        self._parts = [
            Part(on, mask, np.zeros((rows, len(kernels.scalars))), factors) for on, mask in members
        ]
        self._shapes = tables.shapes
        self._whole: Whole | None = None
        nothing: Mask = np.zeros(len(tables.sizes), np.bool_)
        #: Variables of which each process has a part; those that one has; those that another has.
        self._divided, self._owned, self._away = nothing, nothing, nothing
        self._measured: tuple[Program, Mask] | None = None

    def spread(self, whole: Whole) -> None:
        """Treat the variables as shards of larger ones."""
        self._shapes = self._shapes.copy()
        self._shapes[:, SIZE] = whole.sizes
        self._whole = whole
        indices = range(len(self._shapes))
        self._owned = np.array([k in whole.owned for k in indices], np.bool_)
        self._away = np.array([not whole.owned.get(k, True) for k in indices], np.bool_)
        self._divided = np.array([whole.part(k) is not None for k in indices]) & ~self._owned
        self._tables.away = self._away

    def divide(self, segments: Sequence[Segments | None]) -> None:
        """Count elements of parts as those of the larger variables."""
        self._tables.segments = segments

    def program(self, name: str) -> Program | None:
        """The program of that name; None where the optimizer has none."""
        return self._kernels.program(name)

    def begin(
        self, hyperparameters: Array, call: int, steps: Steps, given: Mapping[str, bool]
    ) -> Program:
        """Compute the scalars of a call and return the program that it runs.

        Raises ValueError where variables that share kernels need different ones in this call.
        """
        self._decide(hyperparameters, call, steps, given)
        for part in self._parts:
            host = built(self._kernels.host, part.on)
            compute(host, hyperparameters, part.scalars, call, steps)
        for program in self._kernels.gates:
            for part in self._parts[:1]:
                proceeds = part.scalars[0, self._kernels.scalars.index(program.gate)]
                if program.when(part.on) and not proceeds:
                    return program
        return self._kernels.programs[0]

    def point(self, name: str, arrays: Sequence[Gradient | None]) -> None:
        """Use arrays of this call as an input of the variables."""
        self._tables.point_at(arrays, self._kernels.buffers.index(name))

    def _decide(
        self, hyperparameters: Array, call: int, steps: Steps, given: Mapping[str, bool]
    ) -> None:
        """Set the switches that each call decides."""
        kernels, rows = self._kernels, self._tables.rows
        if not (kernels.decided or given):
            return
        decided = Decisions(kernels.decided, kernels.scalars, hyperparameters, call, steps)
        self._parts = [
            replace(part, on={**part.on, **given, **decided.of(rows[part.members])})
            for part in self._parts
        ]

    def sum_up(
        self, program: Program, chosen: Mask, gradients: Sequence[Gradient | None]
    ) -> Mask | None:
        """Run the phases of a program that come before the first one that stores.

        Where gradients are checked and some aren't finite, returns the variables that they
        belong to.
        """
        self._tables.point_at(gradients)
        has_checked = not (program.checks and any(p.on[CHECK_FINITE] for p in self._parts))
        for phase in program.phases[: program.pure]:
            running = self._phase(program, phase, chosen, self._whole)
            commit([*running.passes()])
            if not has_checked and running.has_passed:
                has_checked = True
                found: Mask = np.isnan(running.sums[:, 0])
                if found.any():
                    return found
            commit([*running.scalars()])
        return None

    def launches(self, program: Program, chosen: Mask) -> list[Call]:
        """The calls that run a program over the chosen variables, from its first store on."""
        calls: list[Call] = []
        common = max(program.pure, program.common)
        for phase in program.phases[program.pure : common]:
            calls += self._phase(program, phase, chosen, self._whole).calls()
        every = turns(self._batches, chosen, self._owned)
        for some in every if common < len(program.phases) else ():
            # Processes have batches of their own, and make exchanges alike.
            whole = self._whole if (some & self._divided).any() else None
            of_matrices = self._library is NUMPY and any(
                some[batch.members].any() for batch in self._batches
            )
            loops = loop_between_calls if of_matrices else loop_for
            for phase in program.phases[common:]:
                calls += self._phase(program, phase, some, whole, loops).calls()
        return [*calls, *self._keeping(program, chosen)]

    def matrix_calls(self) -> list[Call]:
        """The calls of libraries for matrices in an update; a benchmark times them alone."""
        program = self._kernels.programs[0]
        every = [*turns(self._batches, np.ones(len(self._tables.sizes), np.bool_))]
        return [
            call
            for some in every
            for phase in program.phases
            for call in self._phase(program, phase, some, None).matrix_calls()
        ]

    def measuring(self, program: Program, chosen: Mask) -> list[Call]:
        """The calls that record the variables whose norms an update computed."""
        return [(setattr, self, "_measured", (program, chosen))] if program.norms else []

    def _phase(
        self,
        program: Program,
        phase: Phase,
        chosen: Mask,
        whole: Whole | None,
        loops: Callable[[int], Loop] = loop_for,
    ) -> Running:
        parts = [part for part in self._parts if program.when(part.on)]
        own = self._tables, self._shapes, chosen, whole
        shapes = {name: shape for name, shape, _ in self._kernels.matrices}
        calls = MatrixCalls(
            shapes, self._batches, self._scalar, self._library, inner(self._kernels.programs)
        )
        return Running(phase, parts, *own, calls, loops)

    def _scalar(self, name: str, index: int) -> float:
        """The scalar of a call for one variable."""
        part = next(part for part in self._parts if part.members[index])
        return float(part.scalars[self._tables.rows[index], self._kernels.scalars.index(name)])

    def _keeping(self, program: Program, chosen: Mask) -> Iterator[Call]:
        """The calls that give states that aren't arrays of elements their new values."""
        kernels, tables = self._kernels, self._tables
        for keep in program.keeps:
            if keep.shape == OPTIMIZER:
                # A state that variables share is at the same address for all of them.
                some = [(np.flatnonzero(chosen)[:1], self._parts[0])]
            else:
                # Nothing was computed for a variable without elements here.
                filled = chosen & (self._shapes[:, SIZE] > 0) & ~self._away
                some = [(np.flatnonzero(filled & part.members), part) for part in self._parts]
            state = kernels.buffers.index(keep.state)
            for tensors, part in some:
                if not len(tensors) or not keep.when(part.on):
                    continue
                own = tensors, tables.addresses, state
                if keep.shape in VECTOR_LENGTHS:
                    value, length = kernels.buffers.index(keep.value), VECTOR_LENGTHS[keep.shape]
                    yield launching(keep_vectors, range, *own, value, tables.shapes, length)
                else:
                    value, is_shared = kernels.factors.index(keep.value), keep.shape == OPTIMIZER
                    yield launching(keep_numbers, range, *own, part.factors, value, is_shared)

    @property
    def gradient_norm(self) -> float | None:
        """The global gradient norm of the last update; None if none was computed."""
        if self._measured is None:
            return None
        program, chosen = self._measured
        # An empty variable has no factors.
        chosen = chosen & (self._shapes[:, SIZE] > 0)
        parts = [(p.on, chosen & p.members, lambda f=p.factors: f[:-1]) for p in self._parts]
        return joint_norm(program, parts)
