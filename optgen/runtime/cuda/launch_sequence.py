"""Sequences of launches, and the tables that they copy to a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optgen.runtime.cuda.devices import driver
from optgen.runtime.cuda.jit import Kernel

Host = np.ndarray[Any, np.dtype[Any]]


class Table:
    """An array of the host with a copy on a device, which follows when it is told to."""

    def __init__(self, device: int, values: Host) -> None:
        self._device, self.values = device, np.ascontiguousarray(values)
        self._memory = driver.Memory(device, self.values.nbytes)
        #: Whether nothing has changed since the last sending.
        self.is_sent = False

    @property
    def address(self) -> int:
        """Where it is on the device."""
        return self._memory.address

    def send(self, stream: int) -> None:
        """Bring the device's copy up to date, unless nothing has changed."""
        if not self.is_sent:
            driver.upload(self._device, self.address, self.values, stream)
            self.is_sent = True

    def put(self, values: Host, stream: int) -> None:
        """Give it other values."""
        self.values[...] = values
        self.is_sent = False
        self.send(stream)

    def fetch(self, stream: int) -> Host:
        """What the device has; waits for it."""
        driver.download(self._device, self.values, self.address, stream)
        return self.values


class Stage:
    """Launches that follow one another, with the memory that they alone use."""

    def __init__(self, device: int, stream: int) -> None:
        """``stream`` brings the tables of the launches to the device."""
        self._device, self._stream = device, stream
        self._launches: list[tuple[driver.Launch, int]] = []
        self._memory: list[object] = []

    def add(self, kernel: Kernel, key: object, arguments: Sequence[int], blocks: int = 1) -> None:
        """A launch that could use so many blocks."""
        self._launches.append((driver.Launch(self._device, kernel, key, arguments), blocks))

    def table(self, values: Host) -> int:
        """The address of a copy of some values."""
        table = Table(self._device, values)
        table.send(self._stream)
        self._memory.append(table)
        return table.address

    def room(self, count: int) -> int:
        """The address of memory for so many numbers."""
        memory = driver.Memory(self._device, 8 * count)
        self._memory.append(memory)
        return memory.address

    def __bool__(self) -> bool:
        return bool(self._launches)

    def run(self, stream: int) -> None:
        """Put all of them on a stream."""
        for launch, blocks in self._launches:
            launch(blocks, stream)
