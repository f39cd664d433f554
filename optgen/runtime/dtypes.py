"""The dtypes of parameters: one table, which checks, tables, state creation and front ends read.

The series of exponentials and logarithms in ``cpu/formats.py`` have an entry for each native one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Native:
    """A dtype that kernels load, compute in and store."""

    name: str
    scalar: type


NATIVE = (Native("float32", np.float32), Native("float64", np.float64))
#: Dtypes whose parameters have a copy in the first native one.
WIDENED = ("float16", "bfloat16")
#: The scalar types of kernels, by NumPy's dtypes.
DTYPES: Mapping[np.dtype[Any], type] = {np.dtype(one.scalar): one.scalar for one in NATIVE}
#: What error messages call them.
NAMED = " or ".join(one.name for one in NATIVE)


def wide(name: str) -> str:
    """The name of the dtype that parameters of a dtype are computed in."""
    return name if any(one.name == name for one in NATIVE) else NATIVE[0].name
