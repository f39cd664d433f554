"""Calls that only the device can count: those that may be skipped, or are replayed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from optgen.runtime.arrays import Gradient
from optgen.runtime.cuda.arrays import DeviceArray
from optgen.runtime.cuda.control import (
    CALLS,
    CONTROLS,
    GATHERED,
    ROUNDING_SEED,
    STEADY,
    UPDATES,
    choose,
    judge,
    put_scale,
    show_ages,
)
from optgen.runtime.cuda.device_tables import Mask
from optgen.runtime.cuda.devices import driver
from optgen.runtime.cuda.engine import Engine
from optgen.runtime.cuda.launch_sequence import Host, Stage, Table
from optgen.runtime.kernels import CHECK_FINITE, Kernels, Program, built
from optgen.runtime.scale import DynamicScale

#: Rows of hyperparameters that are stored for future calls if they depend on the call. At most so
#: many calls can be skipped between two times that the host reads the number of calls.
SLOTS = 1024


class Deferred:
    """Makes calls on one device without synchronization; the device counts the calls."""

    def __init__(self, engine: Engine, kernels: Kernels, rows: int, columns: int) -> None:
        self._engine, self._kernels = engine, kernels
        (self._place,) = engine.places
        device = self._place.device
        self._control = self._place.control
        self._hyperparameters = Table(device, np.zeros((1, rows, columns)))
        #: The loss scale, if the device changes it.
        self.scale = DeviceArray(device, (), np.dtype(np.float64))
        self._scaling: tuple[DynamicScale, int] | None = None
        self._gates = Table(device, np.array(self._listed_gates(), np.int64))
        self._starting: dict[int, Stage] = {}
        #: Where a front end shows the ages of variables; 0 if it shows none.
        self.ages_at = 0
        self._aging: dict[bytes, Stage] = {}
        #: Memory that graphs may use; it lives as long as the optimizer.
        self._captured: list[object] = []
        #: Whether only the device has the number of calls.
        self.is_counting = False
        #: Whether a graph can make calls that the host doesn't observe.
        self.is_captured = False
        #: The number of calls if none was skipped since the host last read it, and the number read.
        self._attempts = self._known = 0

    @property
    def _stream(self) -> int:
        return self._engine.stream(self._place.device)

    @property
    def is_capturing(self) -> bool:
        """Whether a call is currently captured rather than executed."""
        return driver.is_capturing(self._place.device, self._stream)

    def start(
        self, calls: int, updates: int, gathered: bool, scaling: tuple[DynamicScale, int] | None
    ) -> None:
        """Transfer the counters to the device, and a scale with its column of hyperparameters."""
        steady = scaling[0].steady if scaling else 0
        values = np.zeros(CONTROLS, np.int64)
        values[ROUNDING_SEED] = self._control.values[ROUNDING_SEED]
        values[[CALLS, UPDATES, GATHERED, STEADY]] = calls, updates, gathered, steady
        self._control.put(values, self._stream)
        if scaling:
            value = np.array(scaling[0].value)
            driver.upload(self._place.device, self.scale.address, value, self._stream)
        if (scaling is None) != (self._scaling is None):
            self._starting.clear()
        self._scaling, self._attempts, self._known = scaling, calls, calls
        self.is_counting = True

    def recall(self) -> tuple[int, int, bool]:
        """Calls, updates, and whether gradients were accumulated since; waits for the device."""
        values = self._control.fetch(self._stream)
        if self._scaling:
            scale = self._scaling[0]
            scale.value, scale.steady = float(self.scale.copy_to_host()), int(values[STEADY])
        self._attempts = self._known = int(values[CALLS])
        return int(values[CALLS]), int(values[UPDATES]), bool(values[GATHERED])

    @property
    def attempts(self) -> int:
        """The number of previous calls, if none was skipped since the host last read it."""
        depends_on_call = self._hyperparameters.values.shape[0] > 1
        if depends_on_call and self._attempts - self._known >= SLOTS // 2:
            self._attempts = self._known = int(self._control.fetch(self._stream)[CALLS])
        return self._attempts

    def put(self, rows: Host, by_call: Mask | None) -> None:
        """Set the hyperparameters of the call after ``attempts`` calls.

        ``by_call`` marks those that depend on the number of previous calls; None if none does.
        """
        table = self._hyperparameters
        if (by_call is not None) != (table.values.shape[0] > 1):
            shape = (SLOTS if by_call is not None else 1, *rows.shape)
            table = self._hyperparameters = Table(self._place.device, np.zeros(shape))
            self._starting.clear()
        before = table.values.copy()
        if by_call is not None:
            # Values that don't depend on the call take effect now, regardless of skipped calls.
            table.values[:, ~by_call] = rows[~by_call]
        table.values[self._attempts % table.values.shape[0]] = rows
        table.is_sent = table.is_sent and np.array_equal(before, table.values, equal_nan=True)
        table.send(self._stream)

    def call(self, chosen: Mask, left: Mask, gradients: Sequence[Gradient | None]) -> None:
        """One call of the program that the device selects, over the chosen variables.

        The variables in ``left`` have no gradient; an update runs only the program ``absent`` on
        them.
        """
        is_capturing = self.is_capturing
        self.is_captured = self.is_captured or is_capturing
        engine, stream = self._engine, self._stream
        engine.point_at(gradients, scalars=False)
        for part in self._place.parts:
            part.scalars.is_sent = False  # The device computes its own scalars.
        used: list[object] = [self._begin(), self._hyperparameters]
        self._begin().run(stream)
        update, *others = self._kernels.programs
        programs = [update, *(other for other in others if other.gate and self._runs(other))]
        for program in programs:
            prepared = engine.prepared(program, chosen, deferred=True)
            used.append(prepared)
            is_judged = not self._checks(program)
            for (phase,) in prepared.phases:
                phase.passes.run(stream)
                if not is_judged and phase.passes:
                    is_judged = True
                    self._judge(program, phase.sums).run(stream)
                phase.scalars.run(stream)
            prepared.keeping[0].run(stream)
        absent = self._kernels.program("absent")
        if absent is not None and left.any() and self._runs(absent):
            prepared = engine.prepared(absent, left, deferred=True)
            used.append(prepared)
            for (phase,) in prepared.phases:
                phase.passes.run(stream)
                phase.scalars.run(stream)
            prepared.keeping[0].run(stream)
        if self.ages_at:
            used.append(aging := self._ages_of(chosen))
            aging.run(stream)
        if is_capturing:
            self._captured += [*used, *self._starting.values()]
        engine.measured(update, chosen)
        self._attempts += 1

    def _ages_of(self, chosen: Mask) -> Stage:
        """The launch that shows the ages of variables after a call."""
        key = chosen.tobytes()
        if key not in self._aging:
            stage = self._aging[key] = Stage(self._place.device, self._stream)
            table = stage.table(chosen.astype(np.int64))
            arguments = [self.ages_at, table, len(chosen), self._control.address]
            stage.add(show_ages, "show_ages", arguments)
        return self._aging[key]

    def _begin(self) -> Stage:
        """The launches that compute the scalars and select the program of a call."""
        if 0 not in self._starting:
            place, table = self._place, self._hyperparameters
            stage = self._starting[0] = Stage(place.device, self._stream)
            slots, rows, columns = table.values.shape
            if self._scaling:
                arguments = [self.scale.address, table.address, slots * rows, columns]
                stage.add(put_scale, "put_scale", [*arguments, self._scaling[1]])
            for part in place.parts:
                widths = self._kernels.widths
                kernel = built(self._kernels.host, part.on, widths)
                arguments = [table.address, slots, rows, part.scalars.address]
                key = place.key(self._kernels.host, part.on)
                stage.add(kernel, key, [*arguments, self._control.address])
            self._gates.send(self._stream)
            arguments = [place.parts[0].scalars.address, self._gates.address]
            count = len(self._gates.values)
            stage.add(choose, "choose", [*arguments, count, self._control.address])
        return self._starting[0]

    def _judge(self, program: Program, sums: Table) -> Stage:
        number = 1 + self._number(program)
        if number not in self._starting:
            stage = self._starting[number] = Stage(self._place.device, self._stream)
            steps = self._scaling[0].growth_steps if self._scaling else 0
            arguments = [sums.address, self._control.address, self._number(program)]
            stage.add(judge, "judge", [*arguments, self.scale.address, steps])
        return self._starting[number]

    def _listed_gates(self) -> list[tuple[int, int]]:
        """For each gate, the column of its scalar and the number of its program."""
        return [
            (self._kernels.scalars.index(program.gate), self._number(program))
            for program in self._kernels.gates
            if program.when(self._place.parts[0].on)
        ]

    def _number(self, program: Program) -> int:
        return self._kernels.programs.index(program)

    def _runs(self, program: Program) -> bool:
        return any(program.when(part.on) for part in self._place.parts)

    def _checks(self, program: Program) -> bool:
        parts = [part for part in self._place.parts if program.when(part.on)]
        return any(part.on[CHECK_FINITE] for part in parts)
