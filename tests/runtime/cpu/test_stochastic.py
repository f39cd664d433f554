"""Stored numbers are the neighbours that noise chooses, and right in the mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numba import njit
from scipy import stats

from optgen.runtime.cpu.blocks import block, store
from optgen.runtime.cpu.pointers import AHEAD, BLOCK
from optgen.runtime.cpu.storage import DRAWN, SEED, STEP, Formats
from tests.runtime.rounding import BFLOAT16, FIRST, FLOAT16, Array, drawn, neighbours, noise

DTYPES = pytest.mark.parametrize("dtype", [BFLOAT16, FLOAT16], ids=str)
#: The buffer that is written, of the variable.
COLUMN, TENSOR = 1, 3
#: Around the ends of both formats, of subnormal numbers too, and what isn't finite.
SPECIAL = [
    *(0.0, 1.0, 65504.0, 65519.99, 65520.0, 70000.0, 2.0**-14, 2.0**-24, 2.0**-25, 2.0**-41),
    *(3.3895314e38, 3.3961775e38, 3.4028235e38, 2.0**-126, 2.0**-149, np.inf, np.nan),
]


def storing(dtype: np.dtype[Any], *, is_scattered: bool = False) -> Any:
    """A kernel that stores numbers; those of a scattered matrix one by one."""
    formats = Formats(np.float32, ("float32", dtype.name + DRAWN))
    formats = formats.scattered() if is_scattered else formats

    @njit  # type: ignore[untyped-decorator]
    def in_blocks(addresses: Array, place: int, count: int) -> None:
        for start in range(0, count, BLOCK):
            size = min(BLOCK, count - start)
            here = start, place + start, size, BLOCK, AHEAD
            values = block(addresses, TENSOR, 0, here, formats)
            stored = block(addresses, TENSOR, 1, here, formats)
            for i in range(size):
                stored[i] = values[i]

    @njit  # type: ignore[untyped-decorator]
    def one_by_one(addresses: Array, place: int, count: int) -> None:
        here = 0, 0, count, BLOCK, AHEAD
        values = block(addresses, TENSOR, 0, here, formats)
        stored = block(addresses, TENSOR, 1, here, formats)
        for i in range(count):
            at = count - 1 - i
            store(stored, at, place + at, values[at])

    return one_by_one if is_scattered else in_blocks


KERNELS = {
    (dtype, is_scattered): storing(dtype, is_scattered=is_scattered)
    for dtype in (BFLOAT16, FLOAT16)
    for is_scattered in (False, True)
}


def stored(
    values: Array,
    dtype: np.dtype[Any],
    place: int = 0,
    seed: int = 0,
    step: int = 1,
    *,
    is_scattered: bool = False,
) -> Array:
    found = np.zeros(len(values), dtype)
    addresses = np.zeros((TENSOR + 1, 2 + 7), np.int64)
    addresses[TENSOR, :2] = values.ctypes.data, found.ctypes.data
    addresses[TENSOR, SEED], addresses[TENSOR, STEP] = seed, step
    KERNELS[dtype, is_scattered](addresses, place, len(values))
    return found


def assert_same(one: Array, other: Array) -> None:
    """The same bits, but for those of NaN."""
    is_nan = np.isnan(other.astype(np.float32))
    assert np.array_equal(np.isnan(one.astype(np.float32)), is_nan)
    assert one[~is_nan].tobytes() == other[~is_nan].tobytes()


@DTYPES
@pytest.mark.parametrize("is_scattered", [False, True])
@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.floats(width=32), min_size=1, max_size=150),
    st.integers(0, 2**40),
    st.integers(0, 2**62),
    st.integers(0, 2**32 - 1),
)
@example([*SPECIAL, *(-one for one in SPECIAL)], 5, 7, 2)
def test_noise_chooses_a_neighbour(
    dtype: np.dtype[Any], is_scattered: bool, values: list[float], place: int, seed: int, step: int
) -> None:
    seed = int(float(seed))
    given = np.array(values, np.float32)
    found = stored(given, dtype, place, seed, step, is_scattered=is_scattered)
    numbers = noise(place + np.arange(len(given)), TENSOR, step, seed, FIRST + COLUMN)
    assert_same(found, drawn(given, numbers, dtype))


@DTYPES
def test_a_number_of_half_precision_stays(dtype: np.dtype[Any]) -> None:
    every = np.arange(0x10000, dtype=np.uint16).view(dtype)
    assert_same(stored(every.astype(np.float32), dtype, seed=5), every)


@DTYPES
@pytest.mark.parametrize("size", [1.0, 3e-6])
def test_the_mean_is_the_number(dtype: np.dtype[Any], size: float) -> None:
    """As often up as the binomial distribution has it, for subnormal numbers too."""
    count, draw = 20_000, np.random.default_rng(1)
    for value in np.asarray(size * draw.uniform(0.5, 1.0, 12), np.float32):
        below, above = (float(one[0]) for one in neighbours(np.array([value]), dtype))
        found = stored(np.full(count, value), dtype, seed=8).astype(np.float64)
        assert {*np.unique(found)} <= {below, above}
        chance = (float(value) - below) / (above - below)
        assert stats.binomtest(int((found == above).sum()), count, chance).pvalue > 1e-4
        variance = (above - below) ** 2 * chance * (1 - chance)
        error = 4 * np.sqrt(variance / count)
        np.testing.assert_allclose(found.mean(), value, rtol=0, atol=error)
        np.testing.assert_allclose(found.var(), variance, rtol=0, atol=(above - below) * error)


def test_noise_is_uniform_and_independent() -> None:
    """Of places, of calls and of seeds: which half of a unit each of them rounds up by."""
    value, count = np.float32(1 + 2.0**-8), 60_000
    runs = [
        stored(np.full(count, value), BFLOAT16, place, seed, step).astype(np.float64)
        for place, seed, step in [(0, 1, 1), (0, 1, 2), (0, 2, 1), (count, 1, 1), (0, 1 << 40, 1)]
    ]
    pairs = [*((runs[0], one) for one in runs[1:])]
    pairs += [(runs[0], np.roll(runs[0], shift)) for shift in (1, 2, 4, 8, 64, 512)]
    for one, other in pairs:
        table = [[np.sum(((one > 1) == a) & ((other > 1) == b)) for a in (0, 1)] for b in (0, 1)]
        expected = np.full((2, 2), count / 4)
        assert stats.chisquare(np.ravel(table), expected.ravel()).pvalue > 1e-4


@DTYPES
def test_bits_depend_on_the_place_alone(dtype: np.dtype[Any]) -> None:
    values = np.random.default_rng(2).normal(size=3000).astype(np.float32)
    whole = stored(values, dtype, seed=3)
    for first, last in [(0, 8), (1, 2), (5, 700), (513, 2999), (2047, 3000)]:
        for is_scattered in (False, True):
            part = stored(values[first:last], dtype, first, 3, is_scattered=is_scattered)
            assert part.tobytes() == whole[first:last].tobytes()
