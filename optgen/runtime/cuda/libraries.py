"""Adapters for the libraries of device arrays: addresses, layouts, streams."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from optgen.runtime.cuda.devices import driver


class Library:
    """Arrays that say where they are through ``__cuda_array_interface__``, and nothing more."""

    name = ""

    def address(self, array: Any) -> int:
        """Where the first element is."""
        return int(array.__cuda_array_interface__["data"][0])

    def addresses(self, arrays: Sequence[Any]) -> list[int]:
        """Where the first elements of many arrays are."""
        return [array.__cuda_array_interface__["data"][0] for array in arrays]

    def layout(self, array: Any) -> tuple[Any, ...]:
        """What two arrays have in common that kernels can treat alike; quick to ask for."""
        interface = array.__cuda_array_interface__
        device = self.device(array)
        return interface["shape"], interface.get("strides"), interface["typestr"], device

    def device(self, array: Any) -> int:
        """The number of the device."""
        found = getattr(array, "device", None)
        return found if isinstance(found, int) else driver.device_of(self.address(array))

    def stream(self, device: int) -> int:
        """The stream that the library works on now."""
        return 0

    def relaid(self, array: Any, like: Any) -> Any:
        """A copy of an array with the layout of another; None where the library makes none."""
        return None

    def seen(self, array: Any) -> Any:
        """An array of ours as one of the library's, in the same memory."""
        return array

    def changed(self, arrays: Sequence[Any]) -> None:
        """Tell the library that the contents of arrays have changed."""


class _Torch(Library):
    name = "torch"

    @property
    def _torch(self) -> Any:
        # Whoever has a tensor has imported it.
        return sys.modules["torch"]

    def address(self, array: Any) -> int:
        return array.data_ptr()  # type: ignore[no-any-return]

    def addresses(self, arrays: Sequence[Any]) -> list[int]:
        # Twice as fast as a call by name; raises TypeError for what is no tensor.
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
        # Autograd refuses to go back through what was overwritten only if it knows.
        increment = self._torch.autograd.graph.increment_version
        try:
            increment(arrays)
        except TypeError:  # Older ones take one tensor at a time.
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
    """Whether an array is one of torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)
