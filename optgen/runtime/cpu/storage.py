"""Formats of buffers: how kernels decode an element when they load it, and encode it in storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import types

from optgen.runtime.codes import CODES, storage_of
from optgen.runtime.dtypes import DTYPES

DType = np.dtype[Any]
#: Behind the name of a storage whose numbers are rounded at random.
DRAWN = " stochastic"
#: Between the name of a storage and the number of further bits that are stored elsewhere.
SPLIT = " split "
#: Columns of the table of addresses, from its end, behind those of buffers and before four others:
#: the address of further bits of variables, and the numbers that noise depends on.
ROUNDING = ("remainder", "rounding seed", "rounding step")
REMAINDER, SEED, STEP = -7, -6, -5


class Formats(types.Type):  # type: ignore[misc]
    """The storage of all buffers of some variables, which share a launch: a constant of kernels.

    ``real`` is the type that kernels compute in. Equal formats are one kernel. Where the memory of
    matrices ``is_scattered``, kernels go through places that don't follow each other.
    """

    def __init__(self, real: type, columns: tuple[str, ...], *, is_scattered: bool = False) -> None:
        self.real, self.columns, self.is_scattered = real, columns, is_scattered
        scattered = ", scattered" if is_scattered else ""
        super().__init__(name=f"Formats({real.__name__}, {', '.join(columns)}{scattered})")

    def __reduce__(self) -> tuple[Any, ...]:
        # Numba's own has numbers of this process, and caches of kernels compare what is pickled.
        return _formats, (self.real, self.columns, self.is_scattered)

    def storage(self, column: int) -> str:
        """The storage of a buffer; that which kernels compute in has no name."""
        name = self.columns[column]
        return "" if name == self.real.__name__ else name

    def scattered(self) -> Formats:
        """The formats of matrices that are scattered over memory."""
        return Formats(self.real, self.columns, is_scattered=True)

    def itemsize(self, column: int) -> int:
        """The bytes of a stored element."""
        return np.dtype(self.columns[column].partition(" ")[0]).itemsize


def has_codes(formats: Formats) -> bool:
    """Whether any buffer is in blocks with codes."""
    return any(column in CODES for column in formats.columns)


def _formats(real: type, columns: tuple[str, ...], is_scattered: bool) -> Formats:
    return Formats(real, columns, is_scattered=is_scattered)


def formats_of(
    variable: DType, dtypes: Sequence[DType | None], further: int = 0, *, is_drawn: bool = False
) -> Formats:
    """The formats of the buffers of a variable; those without an array have its own.

    Scratch matrices are stored as kernels compute; vectors and numbers aren't read by blocks. A
    variable, whose buffer is the first, may have ``further`` bits elsewhere; what is drawn are
    states and variables.
    """
    names = [storage_of(one or variable) for one in dtypes]
    for column, one in enumerate(dtypes):
        if column == 0 and further:
            names[column] += f"{SPLIT}{further}"
        elif is_drawn and one is not None and one.itemsize == 2:
            names[column] += DRAWN
    return Formats(DTYPES[variable], tuple(names))
