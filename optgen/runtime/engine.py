"""One step: host scalars, then the program of this call over all variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from optgen.runtime.arrays import Array, Gradient
from optgen.runtime.cpu.launch import compiled, launch, loop_for
from optgen.runtime.kernels import Kernels, Program
from optgen.runtime.tables import Tables

Mask = np.ndarray[Any, np.dtype[np.bool_]]


class Engine:
    """Runs the programs of an optimizer over the tables of its variables."""

    def __init__(self, kernels: Kernels, tables: Tables, rows: int) -> None:
        self._kernels, self._tables = kernels, tables
        count = len(tables.sizes)
        self._scalars = np.zeros((rows, len(kernels.scalars)))
        widest = max((len(program.factors) for program in kernels.programs), default=0)
        self._factors = np.zeros((count, widest))

    def begin(
        self, on: Mapping[str, bool], hyperparameters: Array, call: int, step: int
    ) -> Program:
        """Compute the scalars of a call and return the program that it runs."""
        host = compiled(self._kernels.host, on)
        launch(host, range, hyperparameters, self._scalars, float(call), float(step))
        for program in self._kernels.gates:
            proceeds = self._scalars[0, self._kernels.scalars.index(program.gate)]
            if program.when(on) and not proceeds:
                return program
        return self._kernels.programs[0]

    def run(
        self,
        program: Program,
        on: Mapping[str, bool],
        chosen: Mask,
        gradients: Sequence[Gradient | None] = (),
    ) -> None:
        """Run a program over the chosen variables."""
        if not program.when(on):
            return
        tables = self._tables
        tables.point_at(gradients)
        work = tables.work(chosen)
        shared = (tables.addresses, tables.rows, self._scalars, self._factors)
        for prepass in program.prepasses:
            if prepass.when(on):
                sums = np.zeros((len(chosen), prepass.sums))
                self._over(work, prepass.sum_up, on, *shared, sums)
                scalars = compiled(prepass.scalars, on)
                sized = (tables.rows, tables.sizes, self._scalars, sums, self._factors)
                launch(scalars, range, *sized)
        self._over(work, program.elements, on, *shared)

    @staticmethod
    def _over(
        work: Sequence[tuple[type, int, Array]],
        builder: Callable[..., Any],
        on: Mapping[str, bool],
        *arguments: Array,
    ) -> None:
        for real, elements, chunks in work:
            loop = loop_for(elements)
            launch(compiled(builder, on, real, loop), loop, chunks, *arguments)
