"""Formats round as NumPy and ml_dtypes convert, and are those that kernels have."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import get_args

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optgen.compiler.ir.formats import FLOATS, SIGNED, UNSIGNED, Blockwise, Floating
from optgen.compiler.ir.problem import UsageError
from optgen.compiler.ir.storage import Rounding, Stored, stored_as
from optgen.runtime import codes as runtime_codes
from optgen.runtime.dtypes import HALVES, NATIVE
from optgen.runtime.hyperparameters.storage import Rounding as RuntimeRounding
from optgen.runtime.hyperparameters.storage import StateDtype

SCALARS = {one.name: one.scalar for one in (*NATIVE, *HALVES)}
CODED = [*SIGNED.values(), *UNSIGNED.values()]
#: Denormal numbers of float32 are zero in kernels.
LEAST = 2.0**-126
floats = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)


def test_the_table_has_the_runtime_s_dtypes() -> None:
    assert {*FLOATS} == {*SCALARS} - {"float64"}
    assert {*get_args(StateDtype)} <= {*FLOATS, *SIGNED}
    assert {*get_args(RuntimeRounding)} <= {*Rounding}


@pytest.mark.parametrize("one", FLOATS.values(), ids=lambda one: one.name)
def test_limits_are_those_of_the_dtype(one: Floating) -> None:
    found = ml_dtypes.finfo(SCALARS[one.name])  # type: ignore[no-untyped-call]
    assert one.bits == found.bits
    assert float(one.unit) == float(found.eps) / 2
    assert one.largest == float(found.max)
    assert one.least_normal == float(found.smallest_normal)
    assert one.smallest == max(float(found.smallest_subnormal), LEAST)


@given(st.sampled_from(sorted(FLOATS)), floats)
def test_rounding_is_a_conversion(name: str, value: float) -> None:
    with np.errstate(all="ignore"):
        expected = float(np.float32(value).astype(SCALARS[name]))
    expected = math.copysign(0.0, value) if abs(expected) < LEAST else expected
    found = FLOATS[name].nearest(value)
    assert (found, math.copysign(1, found)) == (expected, math.copysign(1, expected))


@given(st.sampled_from(sorted(FLOATS)), floats)
def test_errors_are_below_the_unit_roundoff(name: str, value: float) -> None:
    one = FLOATS[name]
    if one.least_normal <= abs(value) <= one.largest:
        off = abs(Fraction(one.nearest(value)) - Fraction(value))
        assert off <= one.unit * abs(Fraction(value))


@given(st.sampled_from(sorted(FLOATS)), floats, st.floats(0, 1, exclude_max=True))
def test_draws_choose_between_neighbours(name: str, value: float, draw: float) -> None:
    one = FLOATS[name]
    if not one.least_normal <= abs(value) <= one.largest:
        return
    low, high = one.drawn(value, math.nextafter(1, 0)), one.drawn(value, 0.0)
    assert low <= value <= high
    assert one.drawn(value, draw) in (low, high)
    assert one.nearest(value) in (low, high)
    if low < high < math.inf:
        share = (Fraction(value) - Fraction(low)) / (Fraction(high) - Fraction(low))
        assert one.drawn(value, draw) == (high if Fraction(draw) < share else low)


@given(st.sampled_from(sorted(FLOATS)), st.floats(2.0**-10, 2.0**10), st.floats(0.01, 0.99))
def test_changes_below_half_a_step_are_lost(name: str, value: float, part: float) -> None:
    one = FLOATS[name]
    stored = one.nearest(value)
    least, most = one.halves
    # Half a step below a power of 2 is a quarter of the unit roundoff.
    assert one.nearest(stored + part * float(least) * stored) == stored
    assert one.nearest(stored + 1.001 * float(most) * stored) > stored


@given(
    st.sampled_from(CODED),
    st.floats(2.0**-20, 1),
    st.floats(2.0**-10, 2.0**10),
    st.floats(0, 1, exclude_max=True),
)
def test_codes_are_neighbours(one: Blockwise, share: float, largest: float, draw: float) -> None:
    value = share * largest
    found = one.drawn(value, largest, draw)
    codes = np.array(one.grid) * largest
    below, above = codes[codes <= value].max(initial=0), codes[codes >= value * (1 - 1e-12)].min()
    if one.stays_positive:
        assert found > 0
        below = max(below, codes[1])
    assert min(abs(found - below), abs(found - above)) <= 1e-12 * largest
    assert abs(found - value) <= 2 * float(one.unit) * largest or found == codes[1]
    assert one.drawn(-value, largest, draw) == -found
    assert one.drawn(0.0, largest, draw) == 0
    assert one.drawn(largest, largest, draw) == largest


@given(st.sampled_from([*SIGNED.values()]), st.floats(0.01, 1))
def test_draws_of_codes_are_fair(one: Blockwise, share: float) -> None:
    found = [one.drawn(share, 1.0, (k + 0.5) / 2000) for k in range(2000)]
    assert np.mean(found) == pytest.approx(share, abs=float(one.unit) / 500)


def test_codes_are_those_of_kernels() -> None:
    assert {*runtime_codes.KINDS} == {*SIGNED} == {*UNSIGNED}
    for name, kinds in runtime_codes.KINDS.items():
        for code, one in zip(kinds, (SIGNED[name], UNSIGNED[name]), strict=True):
            bits = (np.arange(code.most + 1, dtype=np.uint32) << code.shift) + runtime_codes.ONE
            magnitudes = bits.astype(np.uint32).view(np.float32) - 1
            np.testing.assert_allclose(magnitudes / code.top, one.grid, rtol=1e-6)
            assert float(one.width) == code.dtype.itemsize / runtime_codes.BLOCK
            assert one.stays_positive == (not code.is_signed)


def test_a_storage_in_words() -> None:
    found = stored_as("param=bfloat16, states=int8, rounding=split")
    assert (found.param.name, found.grad.name, found.states) == ("bfloat16", "bfloat16", "int8")
    assert stored_as(str(found)) == found
    assert stored_as("grad=float16") == Stored(grad=FLOATS["float16"])
    assert (found.kept.bits, found.kept.digits) == (32, FLOATS["float32"].digits)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ("states=int9", "states is one of float32, bfloat16, float16, float8, int8, int4"),
        ("state=int8", "there are param, grad, states, rounding"),
        ("int8", "there are param"),
        ("param=int8", "param is one of float32, bfloat16, float16"),
        ("rounding=up", "rounding is one of nearest, stochastic, split8, split"),
        ("param=float16,rounding=split", "only bfloat16 is split"),
    ],
)
def test_what_is_no_storage(wish: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        stored_as(wish)
