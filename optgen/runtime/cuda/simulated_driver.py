"""The driver in Numba's simulator: device memory is host memory, kernels are Python."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import cuda

from optgen.runtime.cuda.jit import Kernel

Array = np.ndarray[Any, np.dtype[Any]]

#: Threads per block, and resident blocks per launch; few, because each thread is a Python thread.
THREADS, RESIDENT = 4, 2
#: The number of devices, which differ in their numbers only.
DEVICES = 2
_POINTERS: dict[str, Any] = {
    "Integers": ctypes.POINTER(ctypes.c_int64),
    "Reals": ctypes.POINTER(ctypes.c_double),
}
_owners: dict[int, tuple[int, int]] = {}
#: A log of operations: names of kernels, and of copies.
log: list[str] = []


def device_of(address: int) -> int:
    """The device that owns an address; 0 for memory that this module didn't allocate."""
    found = (d for start, (size, d) in _owners.items() if start <= address < start + size)
    return next(found, 0)


class Memory:
    """Memory of a device."""

    def __init__(self, device: int, size: int) -> None:
        self.device, self.size = device, size
        self._bytes = np.full(max(size, 1) + 16, 0xFF, np.uint8)
        start = self._bytes.ctypes.data
        self.address = start + -start % 16
        _owners[self.address] = (max(size, 1), device)


def is_capturing(device: int, stream: int) -> bool:
    """False: the simulator supports no capture."""
    return False


def upload(device: int, address: int, array: Array, stream: int) -> None:
    """Copy an array to a device."""
    log.append("upload")
    ctypes.memmove(address, array.ctypes.data, array.nbytes)


def download(device: int, array: Array, address: int, stream: int) -> None:
    """Fill an array from a device."""
    log.append("download")
    ctypes.memmove(array.ctypes.data, address, array.nbytes)


def copy(device: int, target: int, source: int, size: int, stream: int) -> None:
    """Copy memory within a device."""
    ctypes.memmove(target, source, size)


def clear(device: int, address: int, size: int, stream: int) -> None:
    """Set memory to 0."""
    ctypes.memset(address, 0, size)


class Launch:
    """A kernel with its arguments."""

    def __init__(self, device: int, kernel: Kernel, key: object, arguments: Sequence[int]) -> None:
        self._kernel = kernel
        self._function = cuda.jit(kernel.function)
        self._arguments = [
            ctypes.cast(value, _POINTERS[kind]) if kind in _POINTERS else value
            for value, kind in zip(arguments, kernel.arguments.values(), strict=True)
        ]

    def __call__(self, blocks: int, stream: int) -> None:
        """Launch at most the given number of blocks."""
        log.append(self._kernel.name)
        self._function[max(1, min(blocks, RESIDENT)), THREADS](*self._arguments)
