"""Reductions over the rows and columns of matrices, in a fixed order.

A group of ``across`` threads reduces the lines of a strip of a matrix: each thread has some columns
of it. ``order`` is that of ``sums``.
"""

from __future__ import annotations

from numba import cuda

from optgen.runtime.cuda.control import is_off
from optgen.runtime.cuda.jit import Integer, Integers, Reals, device, kernel
from optgen.runtime.cuda.pointers import reals
from optgen.runtime.cuda.sums import combined


@device
def leave_row(
    lines: Reals,
    most: int,
    value: float,
    order: int,
    step: int,
    steps: int,
    across: int,
    count: int,
    table: Reals,
    place: int,
) -> None:
    """Store the reduction of a value over a group of threads: that of line ``step`` of a strip.

    ``lines`` holds the values of ``most`` lines, so that threads wait for each other once for all
    of them. All threads of a block make ``steps`` steps; the strip has ``count`` lines.
    """
    thread, threads, last = cuda.threadIdx.x, cuda.blockDim.x, step % most
    lines[last * threads + thread] = value
    if last == most - 1 or step == steps - 1:
        cuda.syncthreads()
        half = across // 2
        while half > 0:
            if thread % across < half:
                for line in range(last + 1):
                    at = line * threads + thread
                    lines[at] = combined(lines[at], lines[at + half], order)
            cuda.syncthreads()
            half = half // 2
        if thread % across == 0:
            for line in range(last + 1):
                if step - last + line < count:
                    table[place + step - last + line] = lines[line * threads + thread]
        cuda.syncthreads()


#: The numbers of a row of the table ``folds``: address of the results, address of the first layer
#: of partial results, number of results, distance of layers, number of layers, order.
FOLD = 6


@kernel
def fold_layers(folds: Integers, number: Integer, control: Integers, program: Integer) -> None:
    """Combine the partial results that strips left, layer by layer."""
    if is_off(control, program):
        return
    for k in range(cuda.blockIdx.x, number, cuda.gridDim.x):
        target, source = reals(folds[FOLD * k]), reals(folds[FOLD * k + 1])
        count, stride = folds[FOLD * k + 2], folds[FOLD * k + 3]
        layers, order = folds[FOLD * k + 4], folds[FOLD * k + 5]
        for i in range(cuda.threadIdx.x, count, cuda.blockDim.x):
            total = source[i]
            for layer in range(1, layers):
                total = combined(total, source[layer * stride + i], order)
            target[i] = total
