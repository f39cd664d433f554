"""Adapters for the libraries of device arrays: addresses, layouts, streams."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from optgen.runtime.cuda.devices import driver


class Library:
    """Arrays that support ``__cuda_array_interface__`` only."""

    name = ""

    def address(self, array: Any) -> int:
        """The address of the first element."""
        return int(array.__cuda_array_interface__["data"][0])

    def addresses(self, arrays: Sequence[Any]) -> list[int]:
        """The addresses of the first elements of many arrays."""
        return [array.__cuda_array_interface__["data"][0] for array in arrays]

    def layout(self, array: Any) -> tuple[Any, ...]:
        """The layout of an array; kernels treat arrays of equal layouts alike. Fast to compute."""
        interface = array.__cuda_array_interface__
        device = self.device(array)
        return interface["shape"], interface.get("strides"), interface["typestr"], device

    def device(self, array: Any) -> int:
        """The number of the device."""
        found = getattr(array, "device", None)
        return found if isinstance(found, int) else driver.device_of(self.address(array))

    def stream(self, device: int) -> int:
        """The current stream of the library."""
        return 0

    def relaid(self, array: Any, like: Any) -> Any:
        """A copy of an array with the layout of another; None if the library can't make one."""
        return None

    def seen(self, array: Any) -> Any:
        """One of our arrays as an array of the library, in the same memory."""
        return array

    def changed(self, arrays: Sequence[Any]) -> None:
        """Notify the library that the contents of arrays have changed."""


class _Torch(Library):
    name = "torch"

    @property
    def _torch(self) -> Any:
        # The module is already imported if a tensor exists.
        return sys.modules["torch"]

    def address(self, array: Any) -> int:
        return array.data_ptr()  # type: ignore[no-any-return]

    def addresses(self, arrays: Sequence[Any]) -> list[int]:
        # Twice as fast as a call by name; raises TypeError for any other object than a tensor.
        return [*map(self._torch.Tensor.data_ptr, arrays)]

    def layout(self, array: Any) -> tuple[Any, ...]:
        return array.shape, array.stride(), array.dtype, array.device

    def device(self, array: Any) -> int:
        return int(array.device.index)

    def stream(self, device: int) -> int:
        return int(self._torch.cuda.current_stream(device).cuda_stream)

    def relaid(self, array: Any, like: Any) -> Any:
        return self._torch.empty_like(like.detach()).copy_(array.detach())

    def seen(self, array: Any) -> Any:
        return self._torch.as_tensor(array, device=f"cuda:{array.device}")

    def changed(self, arrays: Sequence[Any]) -> None:
        # Autograd needs the new version to refuse a backward pass through overwritten values.
        increment = self._torch.autograd.graph.increment_version
        try:
            increment(arrays)
        except TypeError:  # Older versions accept one tensor at a time.
            for array in arrays:
                increment(array)


class _Cupy(Library):
    name = "cupy"

    def address(self, array: Any) -> int:
        return int(array.data.ptr)

    def addresses(self, arrays: Sequence[Any]) -> list[int]:
        return [array.data.ptr for array in arrays]

    def layout(self, array: Any) -> tuple[Any, ...]:
        return array.shape, array.strides, array.dtype, array.device.id

    def device(self, array: Any) -> int:
        return int(array.device.id)

    def stream(self, device: int) -> int:
        return int(sys.modules["cupy"].cuda.get_current_stream(device).ptr)

    def relaid(self, array: Any, like: Any) -> Any:
        copy = sys.modules["cupy"].empty_like(like)
        copy[...] = array
        return copy

    def seen(self, array: Any) -> Any:
        return sys.modules["cupy"].asarray(array)


TORCH, CUPY, OTHER = _Torch(), _Cupy(), Library()


def library_of(array: object) -> Library:
    """The library that an array belongs to."""
    if is_tensor(array):
        return TORCH
    return CUPY if type(array).__module__.partition(".")[0] == "cupy" else OTHER


def is_tensor(array: object) -> bool:
    """Whether an array is a torch tensor."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)
