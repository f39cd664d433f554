"""Sequences of launches, and the tables that they copy to a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optgen.runtime.cuda.devices import driver
from optgen.runtime.cuda.jit import Kernel

Host = np.ndarray[Any, np.dtype[Any]]


class Table:
    """A host array with a copy on a device, which is updated on request."""

    def __init__(self, device: int, values: Host) -> None:
        self._device, self.values = device, np.ascontiguousarray(values)
        self._memory = driver.Memory(device, self.values.nbytes)
        #: Whether nothing has changed since the last upload.
        self.is_sent = False

    @property
    def address(self) -> int:
        """The address on the device."""
        return self._memory.address

    def send(self, stream: int) -> None:
        """Update the device's copy, unless nothing has changed."""
        if not self.is_sent:
            driver.upload(self._device, self.address, self.values, stream)
            self.is_sent = True

    def put(self, values: Host, stream: int) -> None:
        """Assign other values and upload them."""
        self.values[...] = values
        self.is_sent = False
        self.send(stream)

    def put_one(self, index: int, value: float, stream: int) -> None:
        """Assign one value and upload it; the device may have changed others."""
        self.values[index] = value
        some = self.values[index : index + 1]
        driver.upload(self._device, self.address + index * some.nbytes, some, stream)

    def fetch(self, stream: int) -> Host:
        """The values on the device; waits for it."""
        driver.download(self._device, self.values, self.address, stream)
        return self.values


class Stage:
    """A sequence of launches, with the memory that only they use."""

    def __init__(self, device: int, stream: int) -> None:
        """``stream`` uploads the tables of the launches to the device."""
        self._device, self._stream = device, stream
        self._launches: list[tuple[driver.Launch, int]] = []
        self._memory: list[object] = []

    def add(self, kernel: Kernel, key: object, arguments: Sequence[int], blocks: int = 1) -> None:
        """Add a launch that can use up to ``blocks`` blocks."""
        self._launches.append((driver.Launch(self._device, kernel, key, arguments), blocks))

    def table(self, values: Host) -> int:
        """Copy values to the device and return the address."""
        table = Table(self._device, values)
        table.send(self._stream)
        self._memory.append(table)
        return table.address

    def room(self, count: int) -> int:
        """Allocate memory for ``count`` numbers and return the address."""
        memory = driver.Memory(self._device, 8 * count)
        self._memory.append(memory)
        return memory.address

    def __bool__(self) -> bool:
        return bool(self._launches)

    def run(self, stream: int) -> None:
        """Enqueue all launches on a stream."""
        for launch, blocks in self._launches:
            launch(blocks, stream)
