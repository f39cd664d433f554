"""float64 numbers are rounded to half precision once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numba import njit

from optgen.runtime.arrays import Array, address
from optgen.runtime.cpu.blocks import block
from optgen.runtime.cpu.storage import Formats
from tests.runtime.rounding import BFLOAT16, FLOAT16, neighbours, once


def storing(dtype: np.dtype[Any]) -> Any:
    formats = Formats(np.float64, ("float64", dtype.name))

    @njit  # type: ignore[untyped-decorator]
    def store(addresses: Array, count: int) -> None:
        here = 0, 0, count, count, 0
        source = block(addresses, 0, 0, here, formats)
        target = block(addresses, 0, 1, here, formats)
        for i in range(count):
            target[i] = source[i]

    return store


KERNELS = {dtype: storing(dtype) for dtype in (BFLOAT16, FLOAT16)}


def stored(values: Array, dtype: np.dtype[Any]) -> Array:
    found = np.zeros(len(values), dtype)
    KERNELS[dtype](np.array([[address(values), address(found)]]), len(values))
    return found


@pytest.mark.parametrize("dtype", [BFLOAT16, FLOAT16], ids=str)
def test_near_the_middle_of_neighbours_all_bits_count(dtype: np.dtype[Any]) -> None:
    draw = np.random.default_rng(0)
    below, above = neighbours(draw.normal(size=500), dtype)
    middle = (below + above) / 2
    for way, other in ((1, above), (-1, below)):
        values = middle * (1 + way * 2.0**-40)
        assert np.array_equal(stored(values, dtype).astype(float), other)
    # As float32, these are the middle, of which the even neighbour is chosen.
    twice = (middle * (1 + 2.0**-40)).astype(np.float32).astype(dtype).astype(float)
    assert 0.3 < (twice == above).mean() < 0.7


@pytest.mark.parametrize("dtype", [BFLOAT16, FLOAT16], ids=str)
@given(values=st.lists(st.floats(min_value=-1e39, max_value=1e39) | st.floats(), min_size=1))
@example(values=[65520.0, 65519.999999, 65504.0, 3.3961775e38, 3.4e38, 1e300, 1e-300, 2.0**-25])
@settings(max_examples=100, deadline=None)
def test_all_numbers_are_rounded_once(dtype: np.dtype[Any], values: list[float]) -> None:
    given = np.array(values)
    given[np.abs(given) < 2.0**-60] = 0
    found, expected = stored(given, dtype), once(given, dtype)
    assert np.array_equal(found.astype(float), expected.astype(float), equal_nan=True)
    assert np.array_equal(np.signbit(found), np.signbit(expected)) or np.isnan(given).any()
