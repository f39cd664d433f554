"""A step on the host: host scalars, then the program of this call over all variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optgen.runtime.arrays import Array, Gradient
from optgen.runtime.cpu.launch import launch, launching, loop_for
from optgen.runtime.cpu.scalars import Steps, compute
from optgen.runtime.kernels import CHECK_FINITE, Condition, Kernels, Program, always, built
from optgen.runtime.norms import joint_norm
from optgen.runtime.tables import Tables
from optgen.runtime.transaction import Call

Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Part:
    """The variables of one switch setting, which share a launch."""

    on: Mapping[str, bool]
    members: Mask
    scalars: Array
    factors: Array


class Engine:
    """Runs the programs of an optimizer over the tables of its variables."""

    def __init__(
        self,
        kernels: Kernels,
        tables: Tables,
        rows: int,
        members: Sequence[tuple[Mapping[str, bool], Mask]],
    ) -> None:
        self._kernels, self._tables = kernels, tables
        count = len(tables.sizes)
        widest = len(kernels.factors)
        self._parts = [
            Part(on, mask, np.zeros((rows, len(kernels.scalars))), np.zeros((count, widest)))
            for on, mask in members
        ]
        self._sizes = tables.sizes
        self._complete: Callable[[Array], None] | None = None
        self._measured: tuple[Program, Mask] | None = None

    def spread(self, sizes: Array, complete: Callable[[Array], None]) -> None:
        """Treat the variables as shards of larger ones with these numbers of elements.

        ``complete`` turns sums over the parts, a row for each, into those over the whole, in place.
        """
        self._sizes, self._complete = sizes, complete

    def program(self, name: str) -> Program | None:
        """The program of that name; None where the optimizer has none."""
        return self._kernels.program(name)

    def begin(self, hyperparameters: Array, call: int, steps: Steps) -> Program:
        """Compute the scalars of a call and return the program that it runs."""
        for part in self._parts:
            host = built(self._kernels.host, part.on)
            compute(host, hyperparameters, part.scalars, call, steps)
        for program in self._kernels.gates:
            for part in self._parts[:1]:
                proceeds = part.scalars[0, self._kernels.scalars.index(program.gate)]
                if program.when(part.on) and not proceeds:
                    return program
        return self._kernels.programs[0]

    def sum_up(
        self, program: Program, chosen: Mask, gradients: Sequence[Gradient | None]
    ) -> Mask | None:
        """Compute the sums of a program over the chosen variables; no variable changes.

        Where gradients are checked and some aren't finite, returns the variables that they
        belong to.
        """
        tables, sizes = self._tables, self._sizes
        tables.point_at(gradients)
        for number, prepass in enumerate(program.prepasses):
            asking = self._work(program, chosen, prepass.when)
            if not asking:
                continue
            sums = np.zeros((len(sizes), prepass.sums))
            for part, work in asking:
                shared = (tables.addresses, tables.rows, part.scalars, part.factors)
                for one in work:
                    partial = np.empty((len(one[2]), prepass.sums))
                    self._over([one], prepass.sum_up, part.on, *shared, sums, partial)
            if self._complete is not None:
                self._complete(sums)
            checks = number == 0 and any(part.on[CHECK_FINITE] for part, _ in asking)
            if checks and sums[:, 0].any():
                return np.isnan(sums[:, 0])
            for part, _ in asking:
                if prepass.scalars is not None:
                    scalars = built(prepass.scalars, part.on)
                    launch(scalars, range, tables.rows, sizes, part.scalars, sums, part.factors)
        return None

    def launches(self, program: Program, chosen: Mask) -> list[Call]:
        """The calls that run a program over the chosen variables."""
        tables = self._tables
        calls: list[Call] = []
        for part, work in self._work(program, chosen):
            shared = (tables.addresses, tables.rows, part.scalars, part.factors)
            for real, elements, chunks in work:
                loop = loop_for(elements)
                kernel = built(program.elements, part.on, real, loop)
                calls.append(launching(kernel, loop, chunks, *shared))
        return calls

    def measuring(self, program: Program, chosen: Mask) -> list[Call]:
        """The calls that record the variables whose norms an update computed."""
        return [(setattr, self, "_measured", (program, chosen))] if program.norms else []

    def _work(
        self, program: Program, chosen: Mask, when: Condition = always
    ) -> list[tuple[Part, list[tuple[type, int, Array]]]]:
        """The parts that a program runs over, with the chunks of their chosen variables."""
        work = self._tables.work
        parts = (part for part in self._parts if program.when(part.on) and when(part.on))
        return [(part, work(chosen & part.members)) for part in parts]

    @property
    def gradient_norm(self) -> float | None:
        """The global gradient norm of the last update; None if none was computed."""
        if self._measured is None:
            return None
        program, chosen = self._measured
        parts = [(p.on, chosen & p.members, lambda f=p.factors: f) for p in self._parts]
        return joint_norm(program, parts)

    @staticmethod
    def _over(
        work: Sequence[tuple[type, int, Array]],
        builder: Callable[..., Any],
        on: Mapping[str, bool],
        *arguments: Array,
    ) -> None:
        for real, elements, chunks in work:
            loop = loop_for(elements)
            launch(built(builder, on, real, loop), loop, chunks, *arguments)
