"""Views of other libraries' device arrays."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from optgen.runtime.cuda.devices import driver
from optgen.runtime.cuda.libraries import is_tensor
from optgen.runtime.dtypes import BFLOAT16

Host = np.ndarray[Any, np.dtype[Any]]


class View(NamedTuple):
    """The address and the memory layout of an array; strides are in bytes."""

    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]
    is_writable: bool

    @property
    def nbytes(self) -> int:
        """The size of all elements in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


class DeviceArray:
    """An array in a device's memory, dense in any order of the axes.

    Other libraries access it without a copy, through ``__cuda_array_interface__``:
    ``torch.as_tensor(array)``, ``cupy.asarray(array)``, ``numba.cuda.as_cuda_array(array)``.
    """

    def __init__(
        self,
        device: int,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        strides: tuple[int, ...] | None = None,
    ) -> None:
        self.shape, self.dtype, self.device = shape, np.dtype(dtype), device
        self.strides = dense(shape, self.dtype.itemsize) if strides is None else strides
        self._memory = driver.Memory(device, self.nbytes)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The size of all elements in bytes."""
        return self.size * self.dtype.itemsize

    @property
    def address(self) -> int:
        """The address of the first element."""
        return self._memory.address

    @cached_property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "version": 3,
            "shape": self.shape,
            "strides": self.strides,
            "typestr": self.dtype.str,
            "data": (self.address if self.size else 0, False),
            "stream": None,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return on_device, (self.copy_to_host(), self.device)

    def __repr__(self) -> str:
        return f"DeviceArray(shape={self.shape}, dtype={self.dtype}, device={self.device})"

    def view(self, dtype: Any) -> DeviceArray:
        """The same memory with another dtype of the same size.

        Libraries that don't take bfloat16 from others take int16.
        """
        if np.dtype(dtype).itemsize != self.dtype.itemsize:
            raise ValueError(f"{self.dtype} and {np.dtype(dtype)} differ in size")
        made = object.__new__(DeviceArray)
        made.shape, made.strides, made.device = self.shape, self.strides, self.device
        made.dtype, made._memory = np.dtype(dtype), self._memory
        return made

    def as_bytes(self) -> DeviceArray:
        """The same memory of a flat array as rows of bytes, one for each element."""
        return self._shared((self.size, self.dtype.itemsize), np.uint8)

    def first(self, count: int) -> DeviceArray:
        """The first elements of a flat array, in the same memory."""
        return self._shared((count,), self.dtype)

    def _shared(self, shape: tuple[int, ...], dtype: Any) -> DeviceArray:
        made = object.__new__(DeviceArray)
        made.shape, made.dtype, made.device = shape, np.dtype(dtype), self.device
        made.strides, made._memory = dense(shape, made.dtype.itemsize), self._memory
        return made

    def copy_to_host(self) -> Host:
        """The elements as a NumPy array; waits for pending work."""
        return to_host(view_of(self), self.device, 0)


def on_device(array: Host, device: int = 0) -> DeviceArray:
    """A copy of a dense NumPy array, with the same order of the axes."""
    made = DeviceArray(device, array.shape, array.dtype, array.strides)
    put(view_of(made), array, device, 0)
    return made


def put(view: View, value: Any, device: int, stream: int) -> None:
    """Fill a dense device array with a number or a host array."""
    flat = np.empty(math.prod(view.shape), view.dtype)
    np.lib.stride_tricks.as_strided(flat, view.shape, view.strides)[...] = value
    if flat.size:
        driver.upload(device, view.address, flat, stream)


def dense(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """The strides of an array whose last axis varies fastest."""
    lengths = [max(length, 1) for length in shape]
    return tuple(math.prod(lengths[axis + 1 :]) * itemsize for axis in range(len(shape)))


def to_host(view: View, device: int, stream: int) -> Host:
    """A dense device array as a NumPy array, with the same order of the axes."""
    flat = np.empty(math.prod(view.shape), view.dtype)
    if flat.size:
        driver.download(device, flat, view.address, stream)
    return np.lib.stride_tricks.as_strided(flat, view.shape, view.strides).copy(order="K")


def view_of(array: Any) -> View:
    """The memory layout of a device array. Raises TypeError for any other object."""
    stated = None
    if is_tensor(array):
        array, stated = _bits_of(array.detach())
    interface: Mapping[str, Any] = array.__cuda_array_interface__
    if interface.get("mask") is not None:
        raise TypeError("a masked array can't be updated")
    address, is_readonly = interface["data"]
    dtype, shape = stated or _dtype_of(array, interface["typestr"]), tuple(interface["shape"])
    strides = interface.get("strides") or dense(shape, dtype.itemsize)
    return View(int(address), shape, tuple(strides), dtype, not is_readonly)


def _bits_of(tensor: Any) -> tuple[Any, np.dtype[Any] | None]:
    """A tensor that the interface describes, and its dtype if the interface has none for it."""
    torch = sys.modules["torch"]
    is_one = tensor.dtype is torch.bfloat16
    return (tensor.view(torch.int16), BFLOAT16) if is_one else (tensor, None)


def _dtype_of(array: Any, typestr: str) -> np.dtype[Any]:
    """The dtype of an array; in the interface, those that aren't NumPy's are bytes."""
    if isinstance(array, DeviceArray):
        return array.dtype
    dtype = np.dtype(typestr)
    is_one = dtype.kind == "V" and getattr(array, "dtype", None) == BFLOAT16
    return BFLOAT16 if is_one else dtype
