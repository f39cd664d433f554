"""The CUDA driver: memory, streams and launches, in the primary context."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from cuda.bindings import driver

from optgen.runtime.cuda.cubins import compiled
from optgen.runtime.cuda.jit import Kernel

Array = np.ndarray[Any, np.dtype[Any]]

#: Threads per block.
THREADS = 256


_SUCCESS = driver.CUresult.CUDA_SUCCESS


class CudaError(RuntimeError):
    """An error of the CUDA driver; the message contains the driver's error name."""


def _ask(result: tuple[Any, ...]) -> Any:
    """The results of a driver call, without its status."""
    if result[0] is not _SUCCESS:
        raise CudaError(f"the CUDA driver says {result[0].name}")
    return result[1] if len(result) > 1 else None


@cache
def _context(device: int) -> Any:
    _ask(driver.cuInit(0))
    return _ask(driver.cuDevicePrimaryCtxRetain(_ask(driver.cuDeviceGet(device))))


class on:  # noqa: N801
    """A context manager that makes a device current for driver calls."""

    def __init__(self, device: int) -> None:
        self._context = _context(device)

    def __enter__(self) -> None:
        _ask(driver.cuCtxPushCurrent(self._context))

    def __exit__(self, *error: object) -> None:
        _ask(driver.cuCtxPopCurrent())


@cache
def _attribute(device: int, name: str) -> int:
    _ask(driver.cuInit(0))
    attribute = getattr(driver.CUdevice_attribute, f"CU_DEVICE_ATTRIBUTE_{name}")
    return int(_ask(driver.cuDeviceGetAttribute(attribute, _ask(driver.cuDeviceGet(device)))))


def capability(device: int) -> tuple[int, int]:
    """The compute capability, such as (9, 0)."""
    parts = ("COMPUTE_CAPABILITY_MAJOR", "COMPUTE_CAPABILITY_MINOR")
    major, minor = (_attribute(device, part) for part in parts)
    return major, minor


def processors(device: int) -> int:
    """The number of multiprocessors."""
    return _attribute(device, "MULTIPROCESSOR_COUNT")


def device_of(address: int) -> int:
    """The device that owns an address."""
    _ask(driver.cuInit(0))
    attribute = driver.CUpointer_attribute.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL
    return int(_ask(driver.cuPointerGetAttribute(attribute, address)))


class Memory:
    """Memory of a device, freed with its last reference."""

    def __init__(self, device: int, size: int) -> None:
        self.device, self.size = device, size
        with on(device), _relaxed():
            self.address = int(_ask(driver.cuMemAlloc(max(size, 1))))
        weakref.finalize(self, _free, device, self.address).atexit = False


def _free(device: int, address: int) -> None:
    with on(device):
        driver.cuMemFree(address)


def is_capturing(device: int, stream: int) -> bool:
    """Whether work on a stream is captured for a graph rather than executed."""
    with on(device):
        status = _ask(driver.cuStreamIsCapturing(stream))
    return bool(status == driver.CUstreamCaptureStatus.CU_STREAM_CAPTURE_STATUS_ACTIVE)


def upload(device: int, address: int, array: Array, stream: int) -> None:
    """Copy a host array to a device; the array may change as soon as this returns."""
    with on(device):
        if is_capturing(device, stream):
            with _apart() as other:
                _ask(driver.cuMemcpyHtoDAsync(address, array.ctypes.data, array.nbytes, other))
        else:
            _ask(driver.cuMemcpyHtoDAsync(address, array.ctypes.data, array.nbytes, stream))


def download(device: int, array: Array, address: int, stream: int) -> None:
    """Fill a host array from a device, after all work of the stream is done."""
    with on(device):
        _ask(driver.cuMemcpyDtoHAsync(array.ctypes.data, address, array.nbytes, stream))
        _ask(driver.cuStreamSynchronize(stream))


def copy(device: int, target: int, source: int, size: int, stream: int) -> None:
    """Copy memory within a device."""
    with on(device):
        _ask(driver.cuMemcpyDtoDAsync(target, source, size, stream))


def clear(device: int, address: int, size: int, stream: int) -> None:
    """Set memory to 0."""
    with on(device):
        _ask(driver.cuMemsetD8Async(address, 0, size, stream))


@contextmanager
def _relaxed() -> Iterator[None]:
    """Allow operations outside a stream capture while one is in progress."""
    relaxed = driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED
    before = _ask(driver.cuThreadExchangeStreamCaptureMode(relaxed))
    try:
        yield
    finally:
        _ask(driver.cuThreadExchangeStreamCaptureMode(before))


@contextmanager
def _apart() -> Iterator[Any]:
    """A stream outside any capture; its work is complete when the context ends."""
    with _relaxed():
        stream = _ask(driver.cuStreamCreate(driver.CUstream_flags.CU_STREAM_NON_BLOCKING.value))
        try:
            yield stream
            _ask(driver.cuStreamSynchronize(stream))
        finally:
            _ask(driver.cuStreamDestroy(stream))


@dataclass(frozen=True)
class _Loaded:
    """A loaded kernel on a device, and the number of its blocks that can be resident at once."""

    function: Any
    resident: int


@cache
def _loaded(device: int, kernel: Kernel, key: object) -> _Loaded:
    cubin = compiled(kernel, (key, THREADS), capability(device))
    with on(device), _relaxed():
        module = _ask(driver.cuModuleLoadData(cubin.code))
        function = _ask(driver.cuModuleGetFunction(module, cubin.entry.encode()))
        blocks = _ask(driver.cuOccupancyMaxActiveBlocksPerMultiprocessor(function, THREADS, 0))
    return _Loaded(function, int(blocks) * processors(device))


class Launch:
    """A kernel with its arguments, each of 8 bytes; ``key`` distinguishes kernels of one file."""

    def __init__(self, device: int, kernel: Kernel, key: object, arguments: Sequence[int]) -> None:
        self._device, self._loaded = device, _loaded(device, kernel, key)
        self._values = (ctypes.c_int64 * len(arguments))(*arguments)
        start, size = ctypes.addressof(self._values), ctypes.sizeof(ctypes.c_int64)
        places = (start + size * k for k in range(len(arguments)))
        self._places = (ctypes.c_void_p * len(arguments))(*places)

    def __call__(self, blocks: int, stream: int) -> None:
        """Launch the given number of blocks, but no more than can be resident at once."""
        grid = max(1, min(blocks, self._loaded.resident))
        with on(self._device):
            _ask(
                driver.cuLaunchKernel(
                    self._loaded.function,
                    *(grid, 1, 1, THREADS, 1, 1),
                    0,
                    stream,
                    ctypes.addressof(self._places),
                    0,
                )
            )
