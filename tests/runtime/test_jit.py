"""Kernels where there is nowhere to keep them."""

from __future__ import annotations

import numpy as np
from numba.core.caching import NullCache

from optgen.runtime.cpu.jit import kernel


def test_a_kernel_that_no_folder_can_keep_is_compiled_all_the_same() -> None:
    # Numba finds no place to cache a function that stands in no file.
    scope: dict[str, object] = {}
    exec("def double(array):\n    for i in range(array.size):\n        array[i] *= 2", scope)
    double = kernel(range)(scope["double"])  # type: ignore[arg-type]
    array = np.arange(3.0)
    double(array)
    np.testing.assert_array_equal(array, [0.0, 2.0, 4.0])
    assert isinstance(double._cache, NullCache)  # type: ignore[attr-defined]
