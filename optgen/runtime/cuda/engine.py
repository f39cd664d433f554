"""A step on devices: host scalars, then the program of this call over all variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optgen.runtime.arrays import Gradient
from optgen.runtime.cpu.scalars import Steps, compute
from optgen.runtime.cuda.control import CONTROLS
from optgen.runtime.cuda.device_tables import Mask, Place, Sums
from optgen.runtime.cuda.launch_sequence import Host, Stage, Table
from optgen.runtime.kernels import CHECK_FINITE, Builder, Kernels, Program, built
from optgen.runtime.norms import joint_norm
from optgen.runtime.running import Complete
from optgen.runtime.transaction import Call

_MOST_PREPARED = 16


@dataclass(frozen=True)
class Variables:
    """The data of the variables that the engine needs, in their order."""

    addresses: Sequence[int]
    sizes: Sequence[int]
    dtypes: Sequence[np.dtype[Any]]
    devices: Sequence[int]
    rows: Sequence[int]


@dataclass(frozen=True)
class Prepared:
    """The launches of a program over some variables, for each device.

    Prepasses are indexed by number; those that no variable needs are omitted.
    """

    prepasses: list[tuple[int, list[Sums]]]
    elements: list[Stage]


class Engine:
    """Runs the programs of an optimizer; ``host`` builds the kernel of the host scalars."""

    def __init__(
        self,
        kernels: Kernels,
        host: Builder,
        variables: Variables,
        states: Mapping[str, Sequence[int]],
        row_count: int,
        members: Sequence[tuple[Mapping[str, bool], Mask]],
        stream: Callable[[int], int],
    ) -> None:
        """``states`` are addresses by name; ``stream`` returns the user's stream of a device."""
        self._kernels, self._host, self.stream = kernels, host, stream
        devices = np.array(variables.devices)
        self._of_device = {int(d): devices == d for d in dict.fromkeys(variables.devices)}
        self.control = Table(variables.devices[0], np.zeros(CONTROLS, np.int64))
        self.places = [
            Place(
                device,
                kernels,
                np.array(variables.sizes),
                variables.dtypes,
                variables.rows,
                [(on, mask & own) for on, mask in members if (mask & own).any()],
                row_count,
                self.control.address,
            )
            for device, own in self._of_device.items()
        ]
        self._gradient = kernels.buffers.index("grad")
        columns = {"param": variables.addresses, **states}
        for place in self.places:
            for name, addresses in columns.items():
                place.addresses.values[:, kernels.buffers.index(name)] = addresses
        self._prepared: dict[tuple[Any, ...], Prepared] = {}
        self._measured: tuple[Program, Mask] | None = None
        self._pointed_at: Sequence[Gradient | None] = ()

    def spread(self, sizes: Host, complete: Complete) -> None:
        """Raise ValueError: sums stay on the device."""
        raise ValueError(
            "a norm over parameters that are spread over processes isn't there yet on a device: "
            "clip with torch.nn.utils.clip_grad_norm_, which knows of them"
        )

    def program(self, name: str) -> Program | None:
        """The program of that name; None if the optimizer has none."""
        return self._kernels.program(name)

    def begin(self, hyperparameters: Host, call: int, steps: Steps) -> Program:
        """Compute the scalars of a call on the host and return the program to run."""
        parts = [part for place in self.places for part in place.parts]
        for part in parts:
            scalars = part.scalars
            before = scalars.values.tobytes()
            kernel = built(self._host, part.on)
            compute(kernel, hyperparameters, scalars.values, call, steps)
            scalars.is_sent = scalars.is_sent and scalars.values.tobytes() == before
        for program in self._kernels.gates:
            for part in parts[:1]:
                column = self._kernels.scalars.index(program.gate)
                if program.when(part.on) and not part.scalars.values[0, column]:
                    return program
        return self._kernels.programs[0]

    def sum_up(
        self, program: Program, chosen: Mask, gradients: Sequence[Gradient | None]
    ) -> Mask | None:
        """Compute the sums that a program over the chosen variables needs; no variable changes.

        If gradients are checked and some aren't finite, returns the variables that they belong to.
        Only in this case does the host wait for a device.
        """
        self.point_at(gradients)
        prepared = self.prepared(program, chosen, deferred=False)
        for number, found in prepared.prepasses:
            self._sum_up(program, number, found)
            if number == 0 and self._checks(program):
                odd = self._odd(program, found, chosen)
                if odd is not None:
                    return odd
            for place, sums in zip(self.places, found, strict=True):
                sums.finish.run(self.stream(place.device))
        return None

    def launches(self, program: Program, chosen: Mask) -> list[Call]:
        """The calls that run a program over the chosen variables."""
        prepared = self.prepared(program, chosen, deferred=False)
        pairs = zip(self.places, prepared.elements, strict=True)
        return [(stage.run, self.stream(place.device)) for place, stage in pairs]

    def measuring(self, program: Program, chosen: Mask) -> list[Call]:
        """The calls that record the variables whose norms an update computed."""
        return [(self.measured, program, chosen)]

    def measured(self, program: Program, chosen: Mask) -> None:
        """Record which norms were computed last."""
        if program.norms:
            self._measured = program, chosen

    def point_at(self, gradients: Sequence[Gradient | None], *, scalars: bool = True) -> None:
        """Upload the tables, with the addresses of the gradients of this call."""
        if gradients and gradients is not self._pointed_at:
            found = [0 if gradient is None else gradient.address for gradient in gradients]
            for place in self.places:
                place.addresses.values[:, self._gradient] = found
                place.addresses.is_sent = False
            self._pointed_at = gradients
        for place in self.places:
            place.send(self.stream(place.device), scalars)

    def prepared(self, program: Program, chosen: Mask, *, deferred: bool) -> Prepared:
        """The launches of a program over the chosen variables; cached."""
        key = (program.name, deferred, chosen.tobytes())
        if key not in self._prepared:
            if len(self._prepared) >= _MOST_PREPARED:
                self._prepared.clear()
            self._prepared[key] = self._prepare(program, chosen, deferred)
        return self._prepared[key]

    def _prepare(self, program: Program, chosen: Mask, deferred: bool) -> Prepared:
        alone = len(self.places) == 1
        streams = [self.stream(place.device) for place in self.places]
        pairs = list(zip(self.places, streams, strict=True))
        prepasses = [
            (
                k,
                [
                    place.sums(program, k, chosen, deferred, alone, stream)
                    for place, stream in pairs
                ],
            )
            for k, prepass in enumerate(program.prepasses)
            if any(prepass.when(part.on) for place in self.places for part in place.parts)
        ]
        elements = [place.elements(program, chosen, deferred, stream) for place, stream in pairs]
        return Prepared(prepasses, elements)

    def _sum_up(self, program: Program, number: int, found: Sequence[Sums]) -> None:
        """Run a prepass; the host combines sums over the variables of several devices."""
        for place, sums in zip(self.places, found, strict=True):
            sums.stage.run(self.stream(place.device))
        if len(self.places) > 1:
            width = program.prepasses[number].sums
            pairs = zip(self.places, found, strict=True)
            tables = [self._fetch(place, sums.table) for place, sums in pairs if sums.stage]
            total = np.sum([table[:width] for table in tables], axis=0)
            for place, sums in zip(self.places, found, strict=True):
                sums.table.values[:width] = total
                sums.table.is_sent = False
                sums.table.send(self.stream(place.device))

    def _checks(self, program: Program) -> bool:
        parts = [part for place in self.places for part in place.parts]
        return any(part.on[CHECK_FINITE] and program.when(part.on) for part in parts)

    def _odd(self, program: Program, found: Sequence[Sums], chosen: Mask) -> Mask | None:
        """The variables with gradients that aren't finite; None if there are none."""
        width, count = program.prepasses[0].sums, len(chosen)
        odd = np.zeros(count, np.bool_)
        for place, sums in zip(self.places, found, strict=True):
            table = self._fetch(place, sums.table)[: width * (count + 1)]
            present = chosen & self._of_device[place.device] & (place.sizes.values > 0)
            odd |= np.isnan(table.reshape(-1, width)[1:, 0]) & present
        return odd if odd.any() else None

    @property
    def gradient_norm(self) -> float | None:
        """The norm of all gradients of the last update; None if the update didn't need one."""
        if self._measured is None:
            return None
        program, chosen = self._measured
        parts = [
            (
                part.on,
                chosen & part.members & (place.sizes.values > 0),
                lambda p=place, t=part.factors: self._fetch(p, t),
            )
            for place in self.places
            for part in place.parts
        ]
        return joint_norm(program, parts)

    def _fetch(self, place: Place, table: Table) -> Host:
        return table.fetch(self.stream(place.device))
