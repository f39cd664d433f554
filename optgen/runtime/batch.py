"""Batches of scratch matrices, which functions of whole matrices read and write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optgen.runtime.arrays import AnyArray as Array

Mask = np.ndarray[Any, np.dtype[np.bool_]]

#: The bytes of a cache line. Scratch matrices begin with one: libraries then take less time.
ALIGNMENT = 64


@dataclass(frozen=True)
class Batch:
    """Variables of one shape and dtype, with their scratch matrices by name.

    Each is an array of the dimensions variable, matrix, row and column. Where memory has no strides
    for these, matrices of the variable's own shape are flat, and ``places`` are their elements'.
    """

    members: np.ndarray[Any, np.dtype[np.int64]]
    rows: int
    columns: int
    matrices: Mapping[str, Array]
    places: Array | None = None


def turns(batches: Sequence[Batch], chosen: Mask, owned: Mask | None = None) -> Iterator[Mask]:
    """The variables of each batch, which share scratch memory, then all others.

    Of those ``owned`` by one of several processes, what is here is in the batches.
    """
    others = chosen.copy() if owned is None else chosen & ~owned
    for batch in batches:
        mask = np.zeros_like(chosen)
        mask[batch.members] = chosen[batch.members]
        others[batch.members] = False
        if mask.any():
            yield mask
    if others.any() or not batches:
        yield others
