"""Random numbers of generated CPU kernels."""

from __future__ import annotations

from numba import njit

from optgen.runtime.cpu.elementary import log
from optgen.runtime.draws import compiled_draws

#: Inlined and without exceptions, so that loops are vectorized.
_inlined = njit(error_model="numpy", forceinline=True)
normal, uniform, random_sign = compiled_draws(_inlined, log)
