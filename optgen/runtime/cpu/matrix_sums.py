"""Sums of matrices, for libraries that multiply only."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import float32, float64

from optgen.runtime.arrays import Array
from optgen.runtime.cpu.denormals import flush_denormals, restore
from optgen.runtime.cpu.jit import Kernel, Loop, kernel
from optgen.runtime.cpu.launch import launching, loop_between_calls
from optgen.runtime.transaction import Call

#: Elements of a part that one thread adds at a time.
_PART = 8192


def adding(out: Array, added: Array, times: float, number: float) -> Call:
    """The call that makes ``times*out + number*added`` of ``out``, which has the same strides."""
    order = sorted(range(out.ndim), key=lambda axis: -out.strides[axis])
    one, other = out.transpose(order), added.transpose(order)
    if not (one.flags.c_contiguous and other.flags.c_contiguous):
        return _add, out, added, times, number
    loop = loop_between_calls(out.size)
    real = float32 if out.dtype == np.float32 else float64
    return launching(_adder(real, loop), loop, one.reshape(-1), other.reshape(-1), times, number)


def _add(out: Array, added: Array, times: float, number: float) -> None:
    out *= times
    out += number * added


@cache
def _adder(real: Any, loop: Loop) -> Kernel:
    @kernel(loop)
    def add(out: Array, added: Array, times: float, number: float) -> None:
        factor, other = real(times), real(number)
        for part in loop((len(out) + _PART - 1) // _PART):
            mode = flush_denormals()
            for k in range(part * _PART, min(len(out), (part + 1) * _PART)):
                out[k] = factor * out[k] + other * added[k]
            restore(mode)

    return add
