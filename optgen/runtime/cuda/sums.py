"""Reductions in a fixed order, independent of the grid: by thread, block, variable, over all.

``order`` is 0 for a sum, 1 for the largest value and 2 for the smallest.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import cuda, float64

from optgen.runtime.cuda.control import is_off
from optgen.runtime.cuda.functions import maximum, minimum
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
def combined(one: Any, other: Any, order: int) -> Any:
    """Two partial results as one."""
    if order == 0:
        return one + other
    return maximum(one, other) if order == 1 else minimum(one, other)


@device
def over_block(shared: Reals, value: float, order: int) -> Any:
    """The reduction of a value over all threads of a block; each thread gets the result."""
    thread = cuda.threadIdx.x
    shared[thread] = value
    cuda.syncthreads()
    half = cuda.blockDim.x // 2
    while half > 0:
        if thread < half:
            shared[thread] = combined(shared[thread], shared[thread + half], order)
        cuda.syncthreads()
        half = half // 2
    result = shared[0]
    cuda.syncthreads()
    return result


@device
def leave(shared: Any, total: Any, table: Reals, place: int) -> None:
    """Store the sum of a block, in float64."""
    value = float64(total[0]) + float64(total[1]) * UP_SQUARED + float64(total[2]) * DOWN_SQUARED
    leave_number(shared, value, 0, table, place)


@device
def leave_number(shared: Any, value: float, order: int, table: Reals, place: int) -> None:
    """Store the reduction of a block, in float64."""
    found = over_block(shared, float64(value), order)
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
def fold(
    begins: Integers, number: int, columns: int, orders: int, source: Reals, target: Reals
) -> None:
    """Row k of ``target`` reduces rows ``begins[k]`` to ``begins[k + 1]`` of ``source``.

    ``orders`` has two bits for each column.
    """
    for row in range(cuda.threadIdx.x, number, cuda.blockDim.x):
        for column in range(columns):
            target[columns * row + column] = folded(begins, row, columns, column, orders, source)
    cuda.syncthreads()


@device
def folded(
    begins: Integers, row: int, columns: int, column: int, orders: int, source: Reals
) -> Any:
    """A column of some rows of ``source``, reduced."""
    order = orders >> 2 * column & 3
    total = source[columns * begins[row] + column]
    for k in range(begins[row] + 1, begins[row + 1]):
        total = combined(total, source[columns * k + column], order)
    return total


@device
def fold_members(
    members: Integers,
    number: int,
    columns: int,
    orders: int,
    begins: Integers,
    source: Reals,
    sums: Reals,
    shared: Any,
) -> None:
    """Reduce rows of ``source`` for each member; row 0 of ``sums`` receives the total."""
    for member in range(cuda.threadIdx.x, number, cuda.blockDim.x):
        row = members[member] + 1
        for column in range(columns):
            total = folded(begins, member, columns, column, orders, source)
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
        total = over_block(shared, own, 0)
        if cuda.threadIdx.x == 0:
            sums[column] = total
    cuda.syncthreads()


@kernel
def meet(
    members: Integers,
    number: Integer,
    columns: Integer,
    sums: Reals,
    control: Integers,
    program: Integer,
) -> None:
    """Set row 0 to the total over all variables of the sums of several launches."""
    if is_off(control, program):
        return
    shared = cuda.shared.array(MOST_THREADS, float64)
    add_members(members, number, columns, sums, shared)


@cache
def each_with(finish: Function) -> Kernel:
    """A kernel that computes the numbers of each member from its sums."""

    @kernel
    def tensor_scalars(
        members: Integers,
        number: Integer,
        addresses: Integers,
        rows: Integers,
        sizes: Integers,
        scalars: Reals,
        sums: Reals,
        factors: Reals,
        control: Integers,
        program: Integer,
    ) -> None:
        if is_off(control, program):
            return
        for k in range(cuda.threadIdx.x, number, cuda.blockDim.x):
            finish(members[k], addresses, rows, sizes, scalars, sums, factors)

    return tensor_scalars
