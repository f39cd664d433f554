"""Formats of buffers: how kernels decode an element when they load it, and encode it in storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import types

from optgen.runtime.codes import storage_of
from optgen.runtime.dtypes import DTYPES

Array = np.ndarray[Any, np.dtype[Any]]


class Formats(types.Type):  # type: ignore[misc]
    """The storage of all buffers of some variables, which share a launch: a constant of kernels.

    ``real`` is the type that kernels compute in. Equal formats are one kernel.
    """

    def __init__(self, real: type, columns: tuple[str, ...]) -> None:
        self.real, self.columns = real, columns
        super().__init__(name=f"Formats({real.__name__}, {', '.join(columns)})")

    def __reduce__(self) -> tuple[Any, ...]:
        # Numba's own has numbers of this process, and caches of kernels compare what is pickled.
        return Formats, (self.real, self.columns)

    def storage(self, column: int) -> str:
        """The storage of a buffer; that which kernels compute in has no name."""
        name = self.columns[column]
        return "" if name == self.real.__name__ else name


def formats_of(variable: Array, arrays: Sequence[Array | None]) -> Formats:
    """The formats of the buffers of a variable; those without an array have its own.

    Scratch matrices are stored as kernels compute; vectors and numbers aren't read by blocks.
    """
    found = (variable if array is None else array for array in arrays)
    return Formats(DTYPES[variable.dtype], tuple(storage_of(array.dtype) for array in found))
