"""Arrays of a simulated device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from optgen.runtime.cuda.arrays import DeviceArray, on_device
from optgen.runtime.cuda.devices import driver

Host = np.ndarray[Any, np.dtype[Any]]


class Shifted:
    """A copy that begins so many bytes after a whole vector."""

    def __init__(self, array: Host, shift: int) -> None:
        self.shape, self.dtype = array.shape, array.dtype
        self._memory = driver.Memory(0, array.nbytes + shift)
        self._address = self._memory.address + shift
        self._strides = array.strides
        driver.upload(0, self._address, np.ascontiguousarray(array), 0)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "version": 3,
            "shape": self.shape,
            "strides": None,
            "typestr": self.dtype.str,
            "data": (self._address, False),
        }

    def copy_to_host(self) -> Host:
        found = np.empty(self.shape, self.dtype)
        driver.download(0, found, self._address, 0)
        return found


def all_on_device(arrays: Mapping[str, Host], device: int = 0) -> dict[str, DeviceArray]:
    return {path: on_device(array, device) for path, array in arrays.items()}


def gradients_on_device(
    row: Sequence[Host | None], like: Sequence[Host], device: int = 0
) -> list[DeviceArray | None]:
    """Gradients in the layouts of their variables."""
    return [
        None if gradient is None else on_device(relaid(gradient, variable), device)
        for gradient, variable in zip(row, like, strict=True)
    ]


def relaid(array: Host, like: Host) -> Host:
    made = np.empty_like(like)
    made[...] = array
    return made
