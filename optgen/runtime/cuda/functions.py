"""Functions that generated CUDA kernels call."""

from __future__ import annotations

from optgen.runtime import small_functions as plain
from optgen.runtime.cuda.jit import device

square = device(plain.square)
maximum = device(plain.maximum)
minimum = device(plain.minimum)
clip = device(plain.clip)
sign = device(plain.sign)
