"""Call counters on the device, and the kernels that update them.

They are used if calls may be skipped or replayed from a graph, since only the device can count
these. A single thread does the work.
"""

from __future__ import annotations

from numba import cuda

from optgen.runtime.cuda.jit import Integer, Integers, Reals, device, kernel

#: Entries of the table ``control``: number of calls, number of updates, number of the program that
#: this call runs, whether gradients were accumulated since the last update, the same flag before
#: this call, number of calls since the last change of the loss scale, and what the noise of drawn
#: rounding depends on: a seed, and twice the number of this call, or one more in an update after
#: variables were perturbed.
CALLS, UPDATES, RUNNING, GATHERED, BEFORE, STEADY, ROUNDING_SEED, ROUNDING_STEP = range(8)
CONTROLS = 8
#: The program number of a skipped call.
SKIPPED = -1
#: In place of a program's number: the host decides what runs.
ANY = -2


@device
def is_off(control: Integers, program: int) -> bool:
    """Whether the call runs another program, or none."""
    return program != ANY and control[RUNNING] != program


@kernel
def put_scale(
    scale: Reals, hyperparameters: Reals, rows: Integer, columns: Integer, column: Integer
) -> None:
    """Write the loss scale into a column of the hyperparameters."""
    if cuda.threadIdx.x > 0:
        return
    for row in range(rows):
        hyperparameters[columns * row + column] = scale[0]


@kernel
def choose(scalars: Reals, gates: Integers, number: Integer, control: Integers) -> None:
    """Select the program of this call, and count the call, which ``judge`` can revert."""
    if cuda.threadIdx.x > 0:
        return
    running = 0
    for k in range(number):
        if running == 0 and scalars[gates[2 * k]] == 0.0:
            running = gates[2 * k + 1]
    control[RUNNING] = running
    control[BEFORE] = control[GATHERED]
    control[CALLS] += 1
    control[ROUNDING_STEP] = 2 * control[CALLS]
    if running == 0:
        control[UPDATES] += 1
        control[GATHERED] = 0
    else:
        control[GATHERED] = 1


@kernel
def show_ages(ages: Reals, chosen: Integers, number: Integer, control: Integers) -> None:
    """Write the number of updates as the age of chosen variables."""
    for k in range(cuda.threadIdx.x, number, cuda.blockDim.x):
        if chosen[k] != 0:
            ages[k] = control[UPDATES]


@kernel
def judge(sums: Reals, control: Integers, program: Integer, scale: Reals, steps: Integer) -> None:
    """Revert a call if a gradient isn't finite, so that the first sum over all is NaN.

    Sums of programs other than this call's are ignored.

    If ``steps`` isn't 0, such a gradient halves the loss scale, never below 1, and ``steps`` calls
    without one double it.
    """
    if cuda.threadIdx.x > 0 or control[RUNNING] != program:
        return
    odd = sums[0] != 0.0
    if odd:
        control[CALLS] -= 1
        if control[RUNNING] == 0:
            control[UPDATES] -= 1
        control[GATHERED] = control[BEFORE]
        control[RUNNING] = SKIPPED
    if steps > 0:
        control[STEADY] += 1
        if odd:
            scale[0] = max(scale[0] / 2.0, 1.0)
            control[STEADY] = 0
        elif control[STEADY] == steps:
            scale[0] = scale[0] * 2.0
            control[STEADY] = 0
