"""New values of states that aren't arrays of elements."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float64

from optgen.runtime.cpu.jit import kernel
from optgen.runtime.cpu.pointers import view

Array = np.ndarray[Any, np.dtype[Any]]


@kernel(range)
def keep_numbers(
    tensors: Array, addresses: Array, state: int, factors: Array, column: int, is_shared: bool
) -> None:
    """Store a column of ``factors`` as the state of some variables, or as that of all of them."""
    for tensor in tensors:
        row = -1 if is_shared else tensor
        view(addresses[tensor, state], 1, float64)[0] = factors[row, column]


@kernel(range)
def keep_vectors(
    tensors: Array, addresses: Array, state: int, column: int, shapes: Array, length: int
) -> None:
    """Copy a vector to the state of some variables; ``length`` is the column of its length."""
    for tensor in tensors:
        count = shapes[tensor, length]
        kept = view(addresses[tensor, state], count, float64)
        new = view(addresses[tensor, column], count, float64)
        for k in range(count):
            kept[k] = new[k]
