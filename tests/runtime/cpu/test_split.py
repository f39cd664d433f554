"""A bfloat16 and further bits are a float32, or one of 24 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numba import njit

from optgen.runtime import remainders
from optgen.runtime.cpu.blocks import block
from optgen.runtime.cpu.pointers import AHEAD, BLOCK
from optgen.runtime.cpu.storage import REMAINDER, SPLIT, Formats
from tests.runtime.rounding import BFLOAT16, Array, joined

BITS = pytest.mark.parametrize("bits", [8, 16])
NUMBERS = st.lists(st.floats(width=32), min_size=1, max_size=150)
SPECIAL = [
    *(0.0, 1.0, 1 + 2.0**-8, 1 + 3 * 2.0**-8, 2.0**-126, 2.0**-149, 3.3895314e38, 3.3961775e38),
    *(3.4028235e38, np.inf, np.nan),
]
BOTH = [*SPECIAL, *(-one for one in SPECIAL)]


def copying(bits: int) -> tuple[Any, Any]:
    """Kernels that store float32 numbers in parts, and load them."""
    formats = Formats(np.float32, ("float32", f"bfloat16{SPLIT}{bits}"))

    @njit  # type: ignore[untyped-decorator]
    def store(addresses: Array, count: int) -> None:
        for start in range(0, count, BLOCK):
            size = min(BLOCK, count - start)
            here = start, start, size, BLOCK, AHEAD
            values = block(addresses, 0, 0, here, formats)
            parts = block(addresses, 0, 1, here, formats)
            for i in range(size):
                parts[i] = values[i]

    @njit  # type: ignore[untyped-decorator]
    def load(addresses: Array, count: int) -> None:
        for start in range(0, count, BLOCK):
            size = min(BLOCK, count - start)
            here = start, start, size, BLOCK, AHEAD
            values = block(addresses, 0, 0, here, formats)
            parts = block(addresses, 0, 1, here, formats)
            for i in range(size):
                values[i] = parts[i]

    return store, load


KERNELS = {bits: copying(bits) for bits in (8, 16)}


def table(values: Array, visible: Array, rest: Array) -> Array:
    addresses = np.zeros((1, 2 + 7), np.int64)
    addresses[0, :2] = values.ctypes.data, visible.ctypes.data
    addresses[0, REMAINDER] = rest.ctypes.data
    return addresses


def parted(values: Array, bits: int) -> tuple[Array, Array]:
    visible, rest = np.zeros(len(values), BFLOAT16), np.zeros(len(values), f"int{bits}")
    KERNELS[bits][0](table(values, visible, rest), len(values))
    return visible, rest


def loaded(visible: Array, rest: Array) -> Array:
    values = np.zeros(len(visible), np.float32)
    KERNELS[8 * rest.itemsize][1](table(values, visible, rest), len(values))
    return values


@settings(deadline=None, derandomize=True)
@given(NUMBERS)
@example(BOTH)
def test_sixteen_further_bits_lose_nothing(values: list[float]) -> None:
    wide = np.array(values, np.float32)
    visible, rest = parted(wide, 16)
    is_nan = np.isnan(wide)
    for back in (loaded(visible, rest), joined(visible, rest)):
        assert np.isnan(back[is_nan]).all()
        assert back[~is_nan].tobytes() == wide[~is_nan].tobytes()


@settings(deadline=None, derandomize=True)
@given(NUMBERS)
@example(BOTH)
def test_eight_further_bits_are_the_nearest_float24(values: list[float]) -> None:
    """Which has 16 significant bits, where it is normal."""
    wide = np.array(values, np.float32)
    back = loaded(*parted(wide, 8)).astype(np.float64)
    assert np.array_equal(np.isnan(back), np.isnan(wide))
    fraction, exponent = np.frexp(wide.astype(np.float64))
    unit = 16 - np.maximum(0, -125 - exponent)
    with np.errstate(invalid="ignore"):
        nearest = np.ldexp(np.rint(np.ldexp(fraction, unit)), exponent - unit)
    largest = 2.0**128 * (1 - 2.0**-16)
    nearest = np.where(np.abs(nearest) > largest, np.copysign(np.inf, nearest), nearest)
    assert np.array_equal(back, nearest, equal_nan=True)


@BITS
@settings(deadline=None, derandomize=True)
@given(NUMBERS)
@example(BOTH)
def test_the_visible_number_is_the_nearest(bits: int, values: list[float]) -> None:
    """Of two that are equally near it is the larger one."""
    wide = np.array(values, np.float32)
    visible, rest = parted(wide, bits)
    kept = joined(visible, rest)
    with np.errstate(over="ignore", invalid="ignore"):
        nearest = kept.astype(BFLOAT16)
        is_tie = (kept.view(np.uint32) & 0xFFFF) == 0x8000
    known = ~(is_tie | np.isnan(wide))
    assert visible[known].tobytes() == nearest[known].tobytes()
    ties = kept[is_tie & ~np.isnan(wide)].view(np.uint32)
    expected = ((ties >> 16) + 1).astype(np.uint16)
    assert visible[is_tie & ~np.isnan(wide)].view(np.uint16).tolist() == expected.tolist()


@BITS
@settings(deadline=None, derandomize=True)
@given(NUMBERS)
@example(BOTH)
def test_whole_variables_are_parted_as_in_kernels(bits: int, values: list[float]) -> None:
    wide = np.array(values, np.float32)
    visible, rest = parted(wide, bits)
    found = remainders.parted(wide, rest.dtype)
    assert [one.tobytes() for one in found] == [visible.tobytes(), rest.tobytes()]
    back = remainders.joined(visible, rest)
    assert back.tobytes() == loaded(visible, rest).tobytes()


@BITS
def test_a_zero_stays_one_whatever_is_left_beside_it(bits: int) -> None:
    """Users may set variables; what is left of others is less than half a unit."""
    rest = np.arange(-128, 128).astype(f"int{bits}")
    for zero in (0.0, -0.0):
        visible = np.full(len(rest), zero, BFLOAT16)
        back = loaded(visible, rest)
        assert (np.abs(back) < 1e-38).all()
        assert (np.signbit(back) == np.signbit(np.float32(zero))).all()


@BITS
def test_a_scalar_has_a_remainder_too(bits: int) -> None:
    value = np.array(np.pi, np.float32)
    visible, rest = remainders.parted(value, np.dtype(f"int{bits}"))
    assert visible.shape == rest.shape == ()
    np.testing.assert_allclose(remainders.joined(visible, rest), value, rtol=2.0**-16)
