"""The dtypes of arrays: one table, which checks, tables, state creation and front ends read.

The series of exponentials and logarithms in ``cpu/formats.py`` have an entry for each native one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np


@dataclass(frozen=True)
class Native:
    """A dtype that kernels load, compute in and store."""

    name: str
    scalar: type

    @property
    def real(self) -> type:
        """The type that kernels compute in."""
        return self.scalar


@dataclass(frozen=True)
class Half:
    """A dtype of 16 bits, which kernels decode when they load and encode when they store."""

    name: str
    scalar: type

    @property
    def real(self) -> type:
        """The type that kernels compute in."""
        return np.float32


NATIVE = (Native("float32", np.float32), Native("float64", np.float64))
HALVES = (Half("bfloat16", ml_dtypes.bfloat16), Half("float16", np.float16))
#: Arrays of other libraries don't always name it.
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
#: The types that kernels compute in, by the dtypes of parameters.
DTYPES: Mapping[np.dtype[Any], type] = {
    np.dtype(one.scalar): one.real for one in (*NATIVE, *HALVES)
}


def named(dtypes: Mapping[np.dtype[Any], type]) -> str:
    """What error messages call some dtypes."""
    return " or ".join(dtype.name for dtype in dtypes)


def wide_name(name: str) -> str:
    """The name of the dtype that parameters of a dtype are computed in."""
    return NATIVE[0].name if any(one.name == name for one in HALVES) else name


def wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that parameters of a dtype are computed in."""
    return np.dtype(DTYPES[dtype])
