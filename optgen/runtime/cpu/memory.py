"""Host memory: NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from optgen.runtime.arrays import Array, GradientCheck, address, check_variables, strides_of
from optgen.runtime.batch import ALIGNMENT, Batch
from optgen.runtime.chunks import Segments, segments_of
from optgen.runtime.codes import CODES, Code
from optgen.runtime.cpu.launch import commit
from optgen.runtime.cpu.matrix_calls import NUMPY
from optgen.runtime.dtypes import DTYPES, wide
from optgen.runtime.engine import Engine
from optgen.runtime.kernels import Kernels
from optgen.runtime.matrix_calls import multiple_of_identity
from optgen.runtime.matrix_library import MatrixLibrary
from optgen.runtime.running import Mask
from optgen.runtime.shards import Part
from optgen.runtime.tables import Tables
from optgen.runtime.transaction import Call, assigning, later, raising
from optgen.runtime.view import View, as_matrices, plain_view, view_of, view_of_part


class HostMemory:
    """What an optimizer asks of the place where its variables live."""

    check_variables = staticmethod(check_variables)
    address = staticmethod(address)
    assigning, raising = staticmethod(assigning), staticmethod(raising)
    commit, later = staticmethod(commit), staticmethod(later)

    def __init__(self, kernels: Kernels) -> None:
        self._kernels = kernels

    def check_gradients(
        self, named: Mapping[str, Array], written: Iterable[tuple[str, Array]]
    ) -> GradientCheck:
        """What checks the gradient of a variable, given by its place in the order."""
        return GradientCheck(named, written)

    def looks(self, variables: Sequence[Array]) -> list[object]:
        """What stays equal as long as variables have the same memory, shape and permission."""
        return [variable.__array_interface__ for variable in variables]

    def form(self, array: Array) -> tuple[tuple[int, ...], str]:
        """Shape, and name of the dtype."""
        return array.shape, str(array.dtype)

    def new(self, like: Array, value: float | None, storage: str = "") -> Array:
        """An array laid out like a variable, of one value, or of the variable's own.

        It has the dtype of that name, or the variable's; one of codes is flat, and has a block
        for each of the stretches in the variable's memory.
        """
        if storage in CODES:
            return _coded(like, value, CODES[storage])
        # A view doesn't own its memory, so that whoever gets it can't resize, and so move, it.
        dtype = np.dtype(storage) if storage else like.dtype
        array = np.empty_like(like, dtype, subok=False).view()
        array[...] = like if value is None else value
        return array

    def numbers(
        self, near: Array, shape: tuple[int, ...], value: float, *, is_own: bool = False
    ) -> Array:
        """An array of one value in float64, or a square of a variable's ``own`` dtype."""
        if is_own:
            return multiple_of_identity(shape, value, wide(near.dtype)).view()
        return np.full(shape, value, np.float64).view()

    def scratch(self, near: Array, shape: tuple[int, ...]) -> Array:
        """An array of any values, with the dtype that a variable is computed in."""
        dtype = wide(near.dtype)
        size = prod(shape) * dtype.itemsize
        room = np.empty(size + ALIGNMENT, np.uint8)
        start = -room.ctypes.data % ALIGNMENT
        return room[start : start + size].view(dtype).reshape(shape)

    def matrices(self, flat: Array, view: View) -> Array:
        """Elements in the order of a variable's memory as a batch of matrices.

        Raises ValueError where rows or columns are not evenly spaced.
        """
        found: Array = as_matrices(flat, view)
        return found

    def view(self, variable: Array, view: str, part: Part | None = None, parts: int = 1) -> View:
        """The view of a variable of at least two dimensions as matrices, or of a part of one.

        A variable that is all here may be a stack of ``parts`` along its first dimension.
        """
        strides = strides_of(variable)
        if part is not None:
            return view_of_part(view, *part, strides)
        return view_of(view, variable.shape, strides, parts)

    def segments(self, variable: Array, part: Part) -> Segments:
        """The segments of a variable that is a part of a larger one."""
        return segments_of(part, strides_of(variable))

    def assign(self, target: Array, value: Any) -> None:
        """Give an array another value: a number or an array."""
        target[...] = value

    def is_finite(self, array: Array) -> bool:
        """Whether all elements are."""
        return bool(np.isfinite(array).all())

    def host(self, array: Array) -> Array:
        """The array itself."""
        return array

    def constrained(self, path: str, constraint: Callable[[Any], Any], variable: Array) -> Array:
        """What a constraint makes of a copy of a variable. Raises ValueError if it doesn't fit."""
        result = np.asarray(constraint(variable.copy()))
        is_number = result.dtype.kind in "fiu" or result.dtype in DTYPES
        if result.shape != variable.shape or not is_number:
            raise ValueError(
                f"the constraint of {path!r} makes {result.dtype} of shape {result.shape} from "
                f"{variable.dtype} of shape {variable.shape}"
            )
        return result

    def engine(
        self,
        variables: Sequence[Array],
        states: Mapping[str, Sequence[Array | None]],
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
        """What runs over the variables with their states; ``seed`` is that of noise."""
        pairs = zip(variables, views, strict=True)
        shown = [view or plain_view(variable.shape) for variable, view in pairs]
        own = variables, self._kernels.buffers, states, rows, shown, seed
        tables = Tables(*own, is_drawn=is_drawn)
        return Engine(self._kernels, tables, row_count, members, batches, library or NUMPY)

    def deferred(self, engine: Any, rows: int, columns: int) -> None:
        """The host always knows what becomes of a call."""

    def changed(self, variables: Sequence[Array]) -> list[Call]:
        """Nobody watches arrays of NumPy."""
        return []

    def seen_by_user(self, array: Array) -> Array:
        """The array itself."""
        return array


def _coded(like: Array, value: float | None, code: Code) -> Array:
    """Blocks with codes of one value, or of a variable's elements in the order of its memory."""
    if value is None:
        order = np.argsort([-stride for stride in like.strides], kind="stable")
        return code.encoded(like.transpose(order).reshape(-1)).view()
    return code.encoded(np.broadcast_to(np.float32(value), like.size)).view()
