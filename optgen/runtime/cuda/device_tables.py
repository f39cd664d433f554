"""The tables of one optimizer on one device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optgen.runtime.chunks import Segments
from optgen.runtime.cpu.storage import Formats
from optgen.runtime.cuda.control import CONTROLS
from optgen.runtime.cuda.launch_sequence import Host, Table
from optgen.runtime.kernels import Builder, Kernels, Program, switches_of
from optgen.runtime.matrix_calls import ELEMENT
from optgen.runtime.view import SIZE, View

Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Variables:
    """The data of the variables that the engine needs, in their order."""

    addresses: Sequence[int]
    #: How the buffers of each are stored.
    formats: Sequence[Formats]
    devices: Sequence[int]
    rows: Sequence[int]
    views: Sequence[View]


@dataclass(frozen=True)
class Part:
    """The variables of one setting of the switches on a device, with their scalars."""

    on: Mapping[str, bool]
    members: Mask
    scalars: Table


class Place:
    """All data of an optimizer on one device."""

    def __init__(
        self,
        device: int,
        kernels: Kernels,
        variables: Variables,
        parts: Sequence[tuple[Mapping[str, bool], Mask]],
        row_count: int,
    ) -> None:
        self.device, self.kernels = device, kernels
        #: What kernels must have of a call besides scalars.
        self.control = Table(device, np.zeros(CONTROLS, np.int64))
        self.views, self._formats = variables.views, variables.formats
        count = len(self.views)
        shapes = [view.shape for view in self.views]
        self.sizes = Table(device, np.array(shapes, np.int64).reshape(-1, 7))
        self.rows = Table(device, np.asarray(variables.rows, np.int64))
        self.addresses = Table(device, np.zeros((count, kernels.widths.buffers), np.int64))
        #: Row 0 has the numbers of the optimizer, the others those of each variable.
        self.factors = Table(device, np.zeros((count + 1, len(kernels.factors))))
        self.parts = [
            Part(on, members, Table(device, np.zeros((row_count, len(kernels.scalars)))))
            for on, members in parts
        ]
        #: For each variable, the addresses of the places of its rows and columns.
        self.places = Table(device, np.zeros((count, 2), np.int64))
        self._scattered = [(view.row_places, view.column_places) for view in self.views]
        self._kept: list[Table] = []
        self.ticket = Table(device, np.zeros(1, np.int64))
        self._sums: dict[tuple[str, int], Table] = {}
        self._has_begun = False
        #: The segments of variables that are parts of larger ones, where their places count.
        self.segments: Sequence[Segments | None] = ()

    @property
    def present(self) -> Mask:
        """Which variables have elements."""
        return np.asarray(self.sizes.values[:, SIZE] > 0)

    def sizes_of(self, over: str) -> Host:
        """The numbers of elements that matrices of a shape have, by variable."""
        if over == ELEMENT:
            return self.sizes.values[:, SIZE]
        forms = [(view.matrices, *view.form(over)) for view in self.views]
        found: Host = np.prod(np.array(forms, np.int64).reshape(-1, 3), axis=1)
        return found

    def send(self, stream: int, scalars: bool) -> None:
        """Upload the tables that may have changed since the last call.

        The scalars are omitted if the device computes them.
        """
        if not self._has_begun:
            self._send_places(stream)
            for table in (self.sizes, self.rows, self.ticket, self.factors, self.places):
                table.send(stream)
            self._has_begun = True
        self.addresses.send(stream)
        for part in self.parts:
            if scalars:
                part.scalars.send(stream)

    def _send_places(self, stream: int) -> None:
        every = np.any([part.members for part in self.parts], axis=0)
        for index in np.flatnonzero(every):
            for column, places in enumerate(self._scattered[index]):
                if places is not None:
                    table = Table(self.device, places)
                    table.send(stream)
                    self._kept.append(table)
                    self.places.values[index, column] = table.address

    def sums_of(self, program: Program, number: int) -> Table:
        """The table that a phase fills: a row for all variables, then one for each."""
        key = (program.name, number)
        if key not in self._sums:
            width = program.phases[number].sums
            self._sums[key] = Table(self.device, np.zeros((len(self.views) + 1) * width))
        return self._sums[key]

    def alike(self, members: Mask) -> Iterator[tuple[Formats, Host]]:
        """The variables with elements among the members, by formats."""
        found = np.flatnonzero(members & self.present).tolist()
        for formats in dict.fromkeys(self._formats[index] for index in found):
            yield formats, np.array([i for i in found if self._formats[i] == formats], np.int64)

    def key(self, builder: Builder, on: Mapping[str, bool]) -> tuple[Any, ...]:
        """The key that distinguishes the kernels of a builder."""
        switches = tuple((name, on[name]) for name in switches_of(builder))
        return builder.__module__, builder.__name__, self.kernels.widths, switches
