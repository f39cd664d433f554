"""Batches of scratch matrices, which functions of whole matrices read and write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from optgen.runtime.arrays import AnyArray as Array


@dataclass(frozen=True)
class Batch:
    """Variables of one shape and dtype, with their scratch matrices by name.

    Each is an array of the dimensions variable, matrix, row and column.
    """

    members: np.ndarray[Any, np.dtype[np.int64]]
    rows: int
    columns: int
    matrices: Mapping[str, Array]
