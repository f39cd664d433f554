"""A step on devices: host scalars, then the program of this call over all variables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from optgen.runtime.arrays import Gradient
from optgen.runtime.batch import Batch, turns
from optgen.runtime.chunks import Segments
from optgen.runtime.cpu.matrix_calls import NUMPY, MatrixCalls, inner
from optgen.runtime.cpu.scalars import Steps, compute
from optgen.runtime.cuda.device_tables import Mask, Place, Variables
from optgen.runtime.cuda.drawn import Drawn
from optgen.runtime.cuda.launch_sequence import Host, Stage, Table
from optgen.runtime.cuda.phase_launches import Launches, ProgramLaunches
from optgen.runtime.cuda.programs import Prepared, refuse_several
from optgen.runtime.decisions import Decisions
from optgen.runtime.kernels import CHECK_FINITE, MATRIX, PERTURBED, Builder, Kernels, Program, built
from optgen.runtime.matrix_calls import MatrixCall
from optgen.runtime.matrix_library import MatrixLibrary
from optgen.runtime.norms import joint_norm
from optgen.runtime.remainders import REMAINDER
from optgen.runtime.shards import Whole
from optgen.runtime.transaction import Call

_MOST_PREPARED = 16


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
        matrices: tuple[Sequence[Batch], MatrixLibrary] | None = None,
        seed: int | None = None,
    ) -> None:
        """``states`` are addresses by name; ``stream`` returns the user's stream of a device.

        ``matrices`` are batches of scratch matrices, and what computes functions of them. With a
        ``seed``, what half precision loses is rounded at random.
        """
        self._batches = matrices[0] if matrices else ()
        shapes = {name: shape for name, shape, _ in kernels.matrices}
        own = shapes, self._batches, self._scalar
        library = matrices[1] if matrices else NUMPY
        self._calls = MatrixCalls(*own, library, inner(kernels.programs))
        self._kernels, self._host, self.stream = kernels, host, stream
        devices = np.array(variables.devices)
        self._of_device = {int(d): devices == d for d in dict.fromkeys(variables.devices)}
        self.places = [
            Place(
                device,
                kernels,
                variables,
                [(on, mask & own) for on, mask in members if (mask & own).any()],
                row_count,
            )
            for device, own in self._of_device.items()
        ]
        if len(self.places) > 1:
            refuse_several(kernels, [on for on, _ in members])
        self._drawn = Drawn(self.places, seed, stream)
        self._gradient = kernels.buffers.index("grad")
        columns = {"param": variables.addresses, **states}
        names = [*kernels.buffers, REMAINDER]
        for place in self.places:
            for name, addresses in columns.items():
                place.addresses.values[:, names.index(name)] = addresses
        self._rows = np.array(variables.rows, np.int64)
        #: The switches that the last call decided.
        self._decided: tuple[bool, ...] = ()
        self._prepared: dict[tuple[Any, ...], Prepared] = {}
        self._measured: tuple[Program, Mask] | None = None
        self._pointed_at: Sequence[Gradient | None] = ()

    def spread(self, whole: Whole) -> None:
        """Raise ValueError: sums stay on the device."""
        raise ValueError(
            "norms and matrices of parameters that are spread over processes aren't there yet on a "
            "device; torch.nn.utils.clip_grad_norm_ takes such norms"
        )

    def divide(self, segments: Sequence[Segments | None]) -> None:
        """Count elements of parts as those of the larger variables."""
        for place in self.places:
            place.segments = segments

    def program(self, name: str) -> Program | None:
        """The program of that name; None if the optimizer has none."""
        return self._kernels.program(name)

    def begin(
        self, hyperparameters: Host, call: int, steps: Steps, given: Mapping[str, bool]
    ) -> Program:
        """Compute the scalars of a call on the host and return the program to run.

        Raises ValueError where variables that share kernels need different ones in this call.
        """
        self._decide(hyperparameters, call, steps, given)
        self._drawn.count(call, is_perturbed=given.get(PERTURBED, False))
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

    def _decide(
        self, hyperparameters: Host, call: int, steps: Steps, given: Mapping[str, bool]
    ) -> None:
        """Set the switches that each call decides."""
        kernels = self._kernels
        if not (kernels.decided or given):
            return
        decided = Decisions(kernels.decided, kernels.scalars, hyperparameters, call, steps)
        for place in self.places:
            place.parts = [
                replace(part, on={**part.on, **given, **decided.of(self._rows[part.members])})
                for part in place.parts
            ]
        self._decided = tuple(
            part.on[name]
            for place in self.places
            for part in place.parts
            for name in (*given, *(switch.name for switch in kernels.decided))
        )

    def point(self, name: str, arrays: Sequence[Gradient | None]) -> None:
        """Use arrays of this call as an input of the variables."""
        found = [0 if array is None else array.address for array in arrays]
        for place in self.places:
            place.addresses.values[:, self._kernels.buffers.index(name)] = found
            place.addresses.is_sent = False

    def sum_up(
        self, program: Program, chosen: Mask, gradients: Sequence[Gradient | None]
    ) -> Mask | None:
        """Compute the sums that a program over the chosen variables needs; no variable changes.

        If gradients are checked and some aren't finite, returns the variables that they belong to.
        Only in this case does the host wait for a device.
        """
        self.point_at(gradients)
        prepared = self.prepared(program, chosen, deferred=False)
        is_checked = not self._checks(program)
        for number, found in enumerate(prepared.phases[: program.pure]):
            self._pass(program, number, found)
            if not is_checked and any(one.passes for one in found):
                is_checked = True
                odd = self._odd(program, number, found, chosen)
                if odd is not None:
                    return odd
            for place, one in zip(self.places, found, strict=True):
                one.scalars.run(self.stream(place.device))
        return None

    def launches(self, program: Program, chosen: Mask) -> list[Call]:
        """The calls that run a program over the chosen variables, from its first store on."""
        common = max(program.pure, program.common)
        calls = [*self._running(program, chosen, range(program.pure, common))]
        for some in turns(self._batches, chosen) if common < len(program.phases) else ():
            calls += self._running(program, some, range(common, len(program.phases)))
        keeping = self.prepared(program, chosen, deferred=False).keeping
        return [*calls, *self._started(keeping)]

    def _running(self, program: Program, chosen: Mask, numbers: Iterable[int]) -> Iterator[Call]:
        """The calls of some phases over chosen variables."""
        prepared = self.prepared(program, chosen, deferred=False)
        for number in numbers:
            found = prepared.phases[number]
            yield from self._started([one.passes for one in found])
            yield from self._started([one.scalars for one in found])
            for call in program.phases[number].calls:
                yield from self._calls.of(call, chosen & self._members(call))

    def _started(self, stages: Sequence[Stage]) -> Iterator[Call]:
        for stage, place in zip(stages, self.places, strict=True):
            if stage:
                yield stage.run, self.stream(place.device)

    def _members(self, call: MatrixCall) -> Mask:
        """The variables of which a library computes a function."""
        members = np.zeros(len(self._rows), np.bool_)
        for place in self.places:
            for part in place.parts:
                members |= part.members & (part.on.get(MATRIX, False) and call.when(part.on))
        return members

    def _scalar(self, name: str, index: int) -> float:
        """The scalar of a call for one variable."""
        parts = (part for place in self.places for part in place.parts)
        part = next(part for part in parts if part.members[index])
        return float(part.scalars.values[self._rows[index], self._kernels.scalars.index(name)])

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
        key = (program.name, deferred, chosen.tobytes(), self._decided)
        if key not in self._prepared:
            # Each batch is prepared by itself.
            if len(self._prepared) >= _MOST_PREPARED * (1 + len(self._batches)):
                self._prepared.clear()
            self._prepared[key] = self._prepare(program, chosen, deferred)
        return self._prepared[key]

    def _prepare(self, program: Program, chosen: Mask, deferred: bool) -> Prepared:
        is_only = len(self.places) == 1
        made = [
            ProgramLaunches(place, program, chosen, deferred, self.stream(place.device))
            for place in self.places
        ]
        phases = [
            [one.phase(number, is_only) for one in made] for number in range(len(program.phases))
        ]
        return Prepared(phases, [one.keeping() for one in made])

    def _pass(self, program: Program, number: int, found: Sequence[Launches]) -> None:
        """Run a pass; the host combines sums over the variables of several devices."""
        for place, one in zip(self.places, found, strict=True):
            one.passes.run(self.stream(place.device))
        width = program.phases[number].sums
        if len(self.places) > 1 and width and any(one.passes for one in found):
            pairs = zip(self.places, found, strict=True)
            tables = [self._fetch(place, one.sums) for place, one in pairs if one.passes]
            total = np.sum([table[:width] for table in tables], axis=0)
            for place, one in zip(self.places, found, strict=True):
                one.sums.values[:width] = total
                one.sums.is_sent = False
                one.sums.send(self.stream(place.device))

    def _checks(self, program: Program) -> bool:
        parts = (part for place in self.places for part in place.parts)
        return program.checks and any(o.on[CHECK_FINITE] and program.when(o.on) for o in parts)

    def _odd(
        self, program: Program, number: int, found: Sequence[Launches], chosen: Mask
    ) -> Mask | None:
        """The variables with gradients that aren't finite; None if there are none."""
        width = program.phases[number].sums
        odd = np.zeros(len(chosen), np.bool_)
        for place, one in zip(self.places, found, strict=True):
            table = self._fetch(place, one.sums).reshape(-1, width)
            present = chosen & self._of_device[place.device] & place.present
            odd |= np.isnan(table[1:, 0]) & present
        return odd if odd.any() else None

    @property
    def gradient_norm(self) -> float | None:
        """The norm of all gradients of the last update; None if the update didn't need one."""
        if self._measured is None:
            return None
        program, chosen = self._measured

        def factors(place: Place) -> Host:
            return self._fetch(place, place.factors)[1:]

        pairs = [(place, part) for place in self.places for part in place.parts]
        own = [(o.on, chosen & o.members & p.present, partial(factors, p)) for p, o in pairs]
        return joint_norm(program, own)

    def _fetch(self, place: Place, table: Table) -> Host:
        return table.fetch(self.stream(place.device))
