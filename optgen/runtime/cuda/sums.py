"""Sums in a fixed order, independent of the grid: by thread, block, variable, and over all."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import cuda, float64

from optgen.runtime.cuda.jit import (
    Function,
    Integer,
    Integers,
    Kernel,
    Reals,
    device,
    kernel,
    take_number,
)

#: Factors and thresholds for squares that could leave the range of float32.
LARGE, SMALL = np.float32(2.0**40), np.float32(2.0**-40)
UP, DOWN = np.float32(2.0**80), np.float32(2.0**-80)
UP_SQUARED, DOWN_SQUARED = 2.0**160, 2.0**-160
#: The partial sums of a thread: terms, squares scaled down, and squares scaled up.
PARTS = 3
#: The maximum number of threads per block.
MOST_THREADS = 256


@device
def clear(total: Any) -> None:
    """Initialize the sum of a thread."""
    for part in range(PARTS):
        total[part] = 0


@device
def add(total: Any, term: float) -> None:
    """Add a term to the sum of a thread, in the type of the parameter."""
    total[0] += term


@device
def add_square(total: Any, term: float) -> None:
    """Add the square of a term; the square itself can overflow or underflow its type."""
    if abs(term) > LARGE:
        scaled = term * DOWN
        total[1] += scaled * scaled
    elif abs(term) < SMALL:
        scaled = term * UP
        total[2] += scaled * scaled
    else:
        total[0] += term * term


@device
def over_block(shared: Reals, value: float) -> Any:
    """The reduction of a value over all threads of a block; each thread gets the sum."""
    thread = cuda.threadIdx.x
    shared[thread] = value
    cuda.syncthreads()
    half = cuda.blockDim.x // 2
    while half > 0:
        if thread < half:
            shared[thread] += shared[thread + half]
        cuda.syncthreads()
        half = half // 2
    result = shared[0]
    cuda.syncthreads()
    return result


@device
def leave(shared: Any, total: Any, table: Reals, place: int) -> None:
    """Store the sum of a block, in float64."""
    value = float64(total[0]) + float64(total[1]) * UP_SQUARED + float64(total[2]) * DOWN_SQUARED
    found = over_block(shared, value)
    if cuda.threadIdx.x == 0:
        table[place] = found


@device
def is_last_block(ticket: Integers, shared: Reals) -> Any:
    """Whether all other blocks of the grid have arrived, so that their results are visible."""
    cuda.threadfence()
    cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        shared[0] = float64(take_number(ticket))
    cuda.syncthreads()
    last = shared[0] == float64(cuda.gridDim.x - 1)
    cuda.syncthreads()
    if last and cuda.threadIdx.x == 0:
        ticket[0] = 0
    cuda.threadfence()
    return last


@device
def fold(begins: Integers, number: int, columns: int, source: Reals, target: Reals) -> None:
    """Row k of ``target`` is the sum of rows ``begins[k]`` to ``begins[k + 1]`` of ``source``."""
    for row in range(cuda.threadIdx.x, number, cuda.blockDim.x):
        for column in range(columns):
            total = 0.0
            for k in range(begins[row], begins[row + 1]):
                total += source[columns * k + column]
            target[columns * row + column] = total
    cuda.syncthreads()


@device
def fold_members(
    members: Integers,
    number: int,
    columns: int,
    begins: Integers,
    source: Reals,
    sums: Reals,
    shared: Any,
) -> None:
    """Add up rows of ``source`` for each member; row 0 of ``sums`` receives the total."""
    for member in range(cuda.threadIdx.x, number, cuda.blockDim.x):
        row = members[member] + 1
        for column in range(columns):
            total = 0.0
            for k in range(begins[member], begins[member + 1]):
                total += source[columns * k + column]
            sums[columns * row + column] = total
    cuda.syncthreads()
    add_members(members, number, columns, sums, shared)


@device
def add_members(members: Integers, number: int, columns: int, sums: Reals, shared: Any) -> None:
    """Row 0 of ``sums`` becomes the sum of the rows of all members."""
    for column in range(columns):
        own = 0.0
        for member in range(cuda.threadIdx.x, number, cuda.blockDim.x):
            own += sums[columns * (members[member] + 1) + column]
        total = over_block(shared, own)
        if cuda.threadIdx.x == 0:
            sums[column] = total
    cuda.syncthreads()


@kernel
def meet(members: Integers, number: Integer, columns: Integer, sums: Reals) -> None:
    """Set row 0 to the total over all variables of the sums of several launches."""
    shared = cuda.shared.array(MOST_THREADS, float64)
    add_members(members, number, columns, sums, shared)


@cache
def each_with(finish: Function) -> Kernel:
    """A kernel that computes the scalars of each member from its sums."""

    @kernel
    def tensor_scalars(
        members: Integers,
        number: Integer,
        rows: Integers,
        sizes: Integers,
        scalars: Reals,
        sums: Reals,
        factors: Reals,
    ) -> None:
        for k in range(cuda.threadIdx.x, number, cuda.blockDim.x):
            finish(members[k], rows, sizes, scalars, sums, factors)

    return tensor_scalars
