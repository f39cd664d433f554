"""Formats of buffers: how kernels decode an element when they load it, and encode it in storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import types

from optgen.runtime.dtypes import DTYPES

DType = np.dtype[Any]


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

    def itemsize(self, column: int) -> int:
        """The bytes of a stored element."""
        return np.dtype(self.columns[column]).itemsize


def formats_of(variable: DType, dtypes: Sequence[DType | None]) -> Formats:
    """The formats of the buffers of a variable; those without an array have its own.

    Scratch matrices are stored as kernels compute; vectors and numbers aren't read by blocks.
    """
    return Formats(DTYPES[variable], tuple((one or variable).name for one in dtypes))
