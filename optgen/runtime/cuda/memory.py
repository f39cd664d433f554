"""Device memory: arrays of torch, CuPy, Numba and others with the CUDA array interface."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from math import prod
from typing import Any

import numpy as np

from optgen.runtime.arrays import Spans, fills
from optgen.runtime.batch import Batch
from optgen.runtime.chunks import Segments, segments_of
from optgen.runtime.codes import CODES, Code
from optgen.runtime.cpu.storage import Formats, formats_of, has_codes
from optgen.runtime.cuda.arrays import DeviceArray, Host, on_device, put, to_host, view_of
from optgen.runtime.cuda.arrays import View as Layout
from optgen.runtime.cuda.casting import can_cast, cast
from optgen.runtime.cuda.deferred import Deferred
from optgen.runtime.cuda.device_tables import Mask, Variables
from optgen.runtime.cuda.devices import driver
from optgen.runtime.cuda.engine import Engine
from optgen.runtime.cuda.gradients import GradientCheck
from optgen.runtime.cuda.libraries import Library, library_of
from optgen.runtime.cuda.matrix_libraries import DeviceMatrices, matrices_by
from optgen.runtime.dtypes import DTYPES, named, wide
from optgen.runtime.kernels import Kernels
from optgen.runtime.matrix_calls import multiple_of_identity
from optgen.runtime.matrix_library import MatrixLibrary
from optgen.runtime.remainders import REMAINDER
from optgen.runtime.shards import Part
from optgen.runtime.signals import uninterrupted
from optgen.runtime.transaction import Call, chain
from optgen.runtime.view import View, plain_view, strided_form
from optgen.runtime.view import view_of as matrix_view


class DeviceMemory:
    """The operations of an optimizer on the memory of its variables."""

    def __init__(self, kernels: Kernels, cuda_kernels: Kernels, compute: str = "") -> None:
        """``kernels`` are the host kernels; they compute scalars whose inputs the host has.

        ``compute`` is the type of products of matrices that the rule asks for.
        """
        self._host, self._kernels, self._compute = kernels.host, cuda_kernels, compute
        self._library = Library()

    def check_variables(self, named: Mapping[str, Any]) -> list[Any]:
        """The variables, validated for updates in place.

        Raises TypeError or ValueError for anything other than distinct, writeable, dense, aligned
        arrays of 16, 32 or 64-bit numbers, of one library.
        """
        first, self._library = next((path, library_of(array)) for path, array in named.items())
        for path, variable in named.items():
            if library_of(variable) is not self._library:
                raise TypeError(f"{path!r} and {first!r} are arrays of different libraries")
            _check(path, variable)
        views = ((path, view_of(variable)) for path, variable in named.items())
        spans = ((v.address, v.address + v.nbytes, path, v) for path, v in views if v.nbytes)
        Spans(spans).refuse_overlaps()
        return list(named.values())

    def check_gradients(
        self, named: Mapping[str, Any], written: Iterable[tuple[str, Any]]
    ) -> GradientCheck:
        """The check of the gradient of a variable, given by its index."""
        return GradientCheck(self._library, named, written)

    def looks(self, variables: Sequence[Any]) -> list[int]:
        """A value that is constant as long as variables have the same memory."""
        return self._library.addresses(variables)

    def address(self, array: Any) -> int:
        """The address of the first element."""
        return view_of(array).address

    def form(self, array: Any) -> tuple[tuple[int, ...], str]:
        """The shape and the name of the dtype."""
        view = view_of(array)
        return view.shape, str(view.dtype)

    def new(self, like: Any, value: float | None, storage: str = "") -> DeviceArray:
        """An array with the layout of a variable; it holds one value or the variable's values.

        It has the dtype of that name, or the variable's; one of codes is flat, and has a block
        for each of the stretches in the variable's memory.
        """
        if storage in CODES:
            return self._coded(like, value, CODES[storage])
        dtype = np.dtype(storage) if storage else view_of(like).dtype
        strides = tuple(step * dtype.itemsize for step in _strides(like))
        array = DeviceArray(self._device(like), view_of(like).shape, dtype, strides)
        self.assign(array, like if value is None else value)
        return array

    def _coded(self, like: Any, value: float | None, code: Code) -> DeviceArray:
        """Blocks with codes of one value, or of a variable's elements in their order in memory."""
        size = prod(view_of(like).shape)
        numbers = np.full(size, value, np.float32) if value is not None else self._flat(like)
        return on_device(code.encoded(numbers), self._device(like))

    def _flat(self, array: Any) -> Host:
        """A copy of an array on the host, in the order of its memory."""
        found = self.host(array)
        order = np.argsort([-stride for stride in found.strides], kind="stable")
        return found.transpose(order).reshape(-1)

    def numbers(
        self, near: Any, shape: tuple[int, ...], value: float, *, is_own: bool = False
    ) -> DeviceArray:
        """An array of one value, or a square as kernels compute a variable, where it is."""
        dtype = wide(view_of(near).dtype) if is_own else np.dtype(np.float64)
        array = DeviceArray(self._device(near), shape, dtype)
        self.assign(array, multiple_of_identity(shape, value, dtype) if is_own else value)
        return array

    @cached_property
    def _matrices(self) -> DeviceMatrices:
        return matrices_by(self._library.name, self._compute)

    def scratch(self, near: Any, shape: tuple[int, ...]) -> Any:
        """An array of any values of the library that computes functions of matrices."""
        return self._matrices.room(self._device(near), shape, wide(view_of(near).dtype))

    def matrices(self, flat: Any, view: View) -> Any:
        """Elements in the order of a variable's memory as a batch of matrices.

        Raises ValueError where rows or columns are not evenly spaced.
        """
        return self._matrices.strided(flat, *strided_form(view))

    def view(self, variable: Any, view: str, part: None = None, parts: int = 1) -> View:
        """The view of a variable of at least two dimensions as matrices."""
        return matrix_view(view, variable.shape, _strides(variable), parts)

    def segments(self, variable: Any, part: Part) -> Segments:
        """The segments of a variable that is a part of a larger one."""
        return segments_of(part, _strides(variable))

    def assign(self, target: Any, value: Any) -> None:
        """Assign a number, a device array or a host array to an array."""
        view, device = view_of(target), self._device(target)
        stream = self._library.stream(device)
        if not view.nbytes:
            return
        if hasattr(value, "__cuda_array_interface__") and not isinstance(value, np.ndarray):
            source = view_of(value)
            if (source.shape, source.strides, source.dtype) == view[1:4]:
                driver.copy(device, view.address, source.address, view.nbytes, stream)
                return
            if self._device(value) == device and can_cast(view, source):
                cast(device, view, source, stream)
                return
            value = to_host(source, self._device(value), stream)
        if np.ndim(value) == 0 and value == 0:
            driver.clear(device, view.address, view.nbytes, stream)
            return
        put(view, value, device, stream)

    def assigning(self, target: Any, value: Any) -> Call:
        """The call that assigns a number or a device array to an array."""
        return self.assign, target, value

    def raising(self, target: Any, other: Any) -> Call:
        """The call that assigns the elementwise maximum of two arrays; NaN if either is NaN."""
        return self._raise, target, other

    def _raise(self, target: Any, other: Any) -> None:
        self.assign(target, np.maximum(self.host(target), self.host(other)))

    def commit(self, calls: Sequence[Call]) -> None:
        """Make calls, which run in Python here; signal handlers run before or after all of them."""
        with uninterrupted:
            chain(calls)

    def later(self, calls: Sequence[Call]) -> Callable[[], object]:
        """A function that makes the calls with ``commit``."""
        return partial(self.commit, calls)

    def is_finite(self, array: Any) -> bool:
        """Whether all elements are finite; waits for the device."""
        return bool(np.isfinite(self.host(array)).all())

    def host(self, array: Any) -> Host:
        """A copy of an array as a NumPy array; waits for the device."""
        if isinstance(array, np.ndarray):
            return array
        device = self._device(array)
        return to_host(view_of(array), device, self._library.stream(device))

    def constrained(self, path: str, constraint: Callable[[Any], Any], variable: Any) -> Any:
        """The constraint applied to a copy of a variable. Raises ValueError if it doesn't fit."""
        view = view_of(variable)
        # One of ours has all bits that are kept of a variable.
        is_ours = isinstance(variable, DeviceArray)
        copy = None if is_ours else self._library.relaid(variable, variable)
        result = constraint(self.seen_by_user(self.new(variable, None)) if copy is None else copy)
        found = view_of(result) if hasattr(result, "__cuda_array_interface__") else result
        if np.shape(found) != view.shape if found is result else found.shape != view.shape:
            raise ValueError(f"the constraint of {path!r} makes another shape than {view.shape}")
        return result

    def engine(
        self,
        variables: Sequence[Any],
        states: Mapping[str, Sequence[Any]],
        rows: Sequence[int],
        row_count: int,
        members: Sequence[tuple[Mapping[str, bool], Mask]],
        views: Sequence[View | None],
        batches: Sequence[Batch] = (),
        library: MatrixLibrary | None = None,
        seed: int = 0,
        *,
        is_drawn: bool = False,
    ) -> Engine:
        """The engine for the variables with their states; ``library`` is for the host's memory.

        Noise comes from the ``seed``: of codes, and of what half precision loses where it
        ``is_drawn``.
        """
        arrays = [view_of(variable) for variable in variables]
        held = {
            name: [None if array is None else view_of(array) for array in some]
            for name, some in states.items()
        }
        formats = [self._formats(one, k, held, is_drawn) for k, one in enumerate(arrays)]
        has_noise = is_drawn or any(map(has_codes, formats))
        described = Variables(
            [array.address for array in arrays],
            formats,
            [self._device(variable) for variable in variables],
            rows,
            [one or plain_view(a.shape) for one, a in zip(views, arrays, strict=True)],
        )
        addresses = {
            name: [0 if array is None else array.address for array in some]
            for name, some in held.items()
        }
        return Engine(
            self._kernels,
            self._host,
            described,
            addresses,
            row_count,
            members,
            self._library.stream,
            (batches, self._matrices.functions) if batches else None,
            seed if has_noise else None,
        )

    def _formats(
        self, variable: Layout, index: int, held: Mapping[str, Sequence[Any]], is_drawn: bool
    ) -> Formats:
        """How the buffers of a variable are stored."""
        buffers = self._kernels.buffers
        own = [variable, *(held[name][index] if name in held else None for name in buffers[1:])]
        rest = held[REMAINDER][index] if REMAINDER in held else None
        further = 0 if rest is None else 8 * rest.dtype.itemsize
        dtypes = [None if one is None else one.dtype for one in own]
        return formats_of(variable.dtype, dtypes, further, is_drawn=is_drawn)

    def deferred(self, engine: Engine, rows: int, columns: int) -> Deferred | None:
        """The executor of calls that the host doesn't observe; None for several devices."""
        if len(engine.places) > 1:
            return None
        return Deferred(engine, self._kernels, rows, columns)

    def changed(self, variables: Sequence[Any]) -> list[Call]:
        """The call that notifies the library that the contents of variables have changed."""
        return [(self._library.changed, variables)]

    def seen_by_user(self, array: DeviceArray) -> Any:
        """One of our arrays as an array of the variables' library, in the same memory."""
        return self._library.seen(array)

    def _device(self, array: Any) -> int:
        return array.device if isinstance(array, DeviceArray) else self._library.device(array)


def _check(path: str, variable: Any) -> None:
    view = view_of(variable)
    if view.dtype not in DTYPES or not view.dtype.isnative:
        raise TypeError(f"{path!r} must be {named(DTYPES)}, not {view.dtype}")
    if not view.is_writable:
        raise ValueError(f"{path!r} is read-only, so it can't be updated in place")
    if not view.nbytes:
        return
    is_aligned = view.address % view.dtype.itemsize == 0
    if not is_aligned or not fills(view.shape, view.strides, view.dtype.itemsize):
        raise ValueError(f"{path!r} has gaps in memory or isn't aligned; update a copy of it")


def _strides(variable: Any) -> list[int]:
    found = view_of(variable)
    return [stride // found.dtype.itemsize for stride in found.strides]
