"""Copies of arrays into arrays of another dtype, on a device."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import cuda

from optgen.runtime.cpu.storage import Formats
from optgen.runtime.cuda.arrays import View
from optgen.runtime.cuda.devices import driver
from optgen.runtime.cuda.jit import VECTOR_BYTES, Integer, Kernel, kernel
from optgen.runtime.cuda.lanes import load, store
from optgen.runtime.dtypes import DTYPES

#: The columns of formats.
SOURCE, TARGET = range(2)


@cache
def casting(formats: Formats, lanes: int) -> Kernel:
    """The kernel that copies elements, which are counted from address 0."""
    real = formats.real

    @kernel
    def cast(source: Integer, target: Integer, count: Integer) -> None:
        held = cuda.local.array(lanes, real)
        aligned = (source | target) % lanes == 0
        i = lanes * (cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
        while i < count:
            whole = aligned and i + lanes <= count
            load(held, (source,), i, count, whole, SOURCE, formats)
            store(held, (target,), i, count, whole, TARGET, formats)
            i += lanes * cuda.gridDim.x * cuda.blockDim.x

    return cast


def can_cast(target: View, source: View) -> bool:
    """Whether the elements of two arrays are in the same order, and kernels convert them."""
    steps = [[step // v.dtype.itemsize for step in v.strides] for v in (target, source)]
    are_known = target.dtype in DTYPES and source.dtype in DTYPES
    return are_known and target.shape == source.shape and steps[0] == steps[1]


def cast(device: int, target: View, source: View, stream: int) -> None:
    """Copy an array into another one, rounded to nearest; both are in the same order."""
    dtypes = source.dtype, target.dtype
    real = max((DTYPES[dtype] for dtype in dtypes), key=lambda one: np.dtype(one).itemsize)
    formats = Formats(real, tuple(dtype.name for dtype in dtypes))
    lanes = VECTOR_BYTES // np.dtype(real).itemsize
    starts = [view.address // view.dtype.itemsize for view in (source, target)]
    count = target.nbytes // target.dtype.itemsize
    made = casting(formats, lanes)
    launch = driver.Launch(device, made, ("cast", formats.name), [*starts, count])
    launch(-(-count // (lanes * driver.THREADS)), stream)
