"""The decorator of generated CPU kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import prange

from optgen.runtime.cpu.cache import cache_of

Array = np.ndarray[Any, np.dtype[Any]]
Kernel = Callable[..., None]
Look = Callable[..., int]
#: ``range`` for a kernel of one thread, Numba's ``prange`` for one of several.
Loop = type[range]
#: What Numba makes parallel; to look for more takes it time.
_ONLY_LOOPS = {
    "prange": True,
    **dict.fromkeys(
        [
            "comprehension",
            "fusion",
            "inplace_binop",
            "numpy",
            "reduction",
            "setitem",
            "stencil",
        ],
        False,
    ),
}


def looking(function: Look) -> Look:
    """Compile a function that looks at Python's own objects, and so lets no other thread run."""
    dispatcher = numba.njit(error_model="numpy")(function)
    dispatcher._cache = cache_of(function)
    return dispatcher  # type: ignore[no-any-return]


def function(function: Callable[..., None]) -> Callable[..., None]:
    """The decorator of functions that kernels call."""
    return numba.njit(error_model="numpy")(function)  # type: ignore[no-any-return]


def kernel(loop: Loop) -> Callable[[Callable[..., None]], Kernel]:
    """Compile a function at its first call, in parallel where ``loop`` is ``prange``.

    The loop is a constant of the kernel, which keeps its two forms apart in the cache.
    """
    parallel = _ONLY_LOOPS if loop is prange else False

    def decorate(function: Callable[..., None]) -> Kernel:
        dispatcher = numba.njit(parallel=parallel, error_model="numpy", nogil=True)(function)
        dispatcher._cache = cache_of(function)
        return dispatcher  # type: ignore[no-any-return]

    return decorate
