"""New values of states that aren't arrays of elements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numba import cuda

from optgen.runtime.cuda.control import is_off
from optgen.runtime.cuda.device_tables import Mask, Part, Place
from optgen.runtime.cuda.jit import Integer, Integers, kernel
from optgen.runtime.cuda.pointers import reals
from optgen.runtime.kernels import OPTIMIZER, Keep
from optgen.runtime.view import VECTOR_LENGTHS

#: The numbers of a row of the table ``copies``: address of a state, of its new value, length.
COPY = 3
_REAL_BYTES = 8


@kernel
def keep(copies: Integers, number: Integer, control: Integers, program: Integer) -> None:
    """Copy numbers and vectors to states."""
    if is_off(control, program):
        return
    for k in range(cuda.blockIdx.x, number, cuda.gridDim.x):
        state, value = reals(copies[COPY * k]), reals(copies[COPY * k + 1])
        for i in range(cuda.threadIdx.x, copies[COPY * k + 2], cuda.blockDim.x):
            state[i] = value[i]


def copies_of(
    one: Keep, place: Place, parts: Sequence[Part], chosen: Mask
) -> Iterator[tuple[int, int, int]]:
    """For each chosen variable, the addresses of a state and of its new value, and their length.

    A state that variables share is at the same address for all of them.
    """
    state = place.kernels.buffers.index(one.state)
    is_shared = one.shape == OPTIMIZER
    for part in parts:
        members = np.flatnonzero(chosen & part.members & place.present).tolist()
        if not members or not one.when(part.on):
            continue
        for tensor in members[:1] if is_shared else members:
            yield int(place.addresses.values[tensor, state]), *_value(one, place, tensor)
        if is_shared:
            return


def _value(one: Keep, place: Place, tensor: int) -> tuple[int, int]:
    """The address of the new value for a variable, and its length."""
    kernels = place.kernels
    if one.shape in VECTOR_LENGTHS:
        vector = place.addresses.values[tensor, kernels.buffers.index(one.value)]
        return int(vector), int(place.sizes.values[tensor, VECTOR_LENGTHS[one.shape]])
    row = 0 if one.shape == OPTIMIZER else tensor + 1
    column = len(kernels.factors) * row + kernels.factors.index(one.value)
    return place.factors.address + _REAL_BYTES * column, 1
