"""Codes of kernels and of NumPy beside their definition, in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numba import njit

from optgen.runtime.arrays import Array, address
from optgen.runtime.codes import BLOCK, CODES, LEAST_UNIT, Code
from optgen.runtime.cpu.blocks import block, encode
from optgen.runtime.cpu.storage import Formats

EVERY = pytest.mark.parametrize("code", CODES.values(), ids=list(CODES))
NUMBERS = st.lists(st.floats(width=32), min_size=1, max_size=3 * BLOCK)
#: What float32 arithmetic may add to an error, in units of the number and of the block.
RELATIVE, ABSOLUTE = Fraction(1, 2**18), Fraction(1, 2**18)


def levels(code: Code) -> list[Fraction]:
    """The magnitudes of codes, in units: those of a number, less one."""
    steps = 2**code.fraction
    return [
        Fraction(2**exponent * (steps + fraction), steps) - 1
        for exponent in range(2**code.exponent)
        for fraction in range(steps)
    ]


def kernel(formats: Formats) -> Any:
    """What copies the numbers of the first buffer to the second one, by blocks."""

    @njit  # type: ignore[untyped-decorator]
    def copy(addresses: Array, count: int) -> None:
        for start in range(0, count, BLOCK):
            size = min(BLOCK, count - start)
            here = start, start, size, BLOCK, 0
            source = block(addresses, 0, 0, here, formats)
            target = block(addresses, 0, 1, here, formats)
            for i in range(size):
                target[i] = source[i]
            encode(target)

    return copy


MADE: dict[str, tuple[Any, Any]] = {}


def by_kernel(code: Code, numbers: Array) -> tuple[Array, Array]:
    """What kernels encode, and what they decode of it."""
    if code.name not in MADE:
        forward = kernel(Formats(np.float32, ("float32", code.name)))
        MADE[code.name] = forward, kernel(Formats(np.float32, (code.name, "float32")))
    blocks = np.zeros(-(-numbers.size // BLOCK) + 1, code.dtype)
    guard = blocks[-1:].copy()
    back = np.empty_like(numbers)
    forward, backward = MADE[code.name]
    forward(np.array([[address(numbers), address(blocks)]]), numbers.size)
    backward(np.array([[address(blocks), address(back)]]), numbers.size)
    assert np.array_equal(blocks[-1:], guard)
    return blocks[:-1], back


def is_between(code: Code, number: float, decoded: float, unit: float) -> bool:
    """Whether a decoded number is one of the two levels around what was encoded."""
    exact, found = abs(Fraction(number)) / Fraction(unit), abs(Fraction(decoded)) / Fraction(unit)
    error = RELATIVE * exact + ABSOLUTE
    known = levels(code)
    below = max(level for level in known if level <= exact + error)
    above = min((level for level in known if level >= exact - error), default=known[-1])
    least = known[1] if number != 0 and not code.is_signed else Fraction(0)
    around = (max(below, least), max(above, least))
    # A level above the exact one is allowed where that is within the error of a level itself.
    return min(around) * (1 - RELATIVE) <= found <= max(around) * (1 + RELATIVE)


@EVERY
@given(numbers=NUMBERS)
@example(numbers=[0.0] * 70)
@example(numbers=[1.0, float("inf")])
@example(numbers=[float("nan")] + [1.0] * 64)
@example(numbers=[1e-38, 2e-38])
@example(numbers=[3.4e38, 1.0])
@settings(max_examples=60, deadline=None)
def test_numbers_become_the_levels_around_them(code: Code, numbers: list[float]) -> None:
    given = np.array(numbers, np.float32)
    given[np.abs(given) < np.finfo(np.float32).tiny] = 0
    # Of the largest numbers, the unit times the top may round to infinity.
    given[np.isfinite(given) & (np.abs(given) > 3.402e38)] = 3.402e38
    given = given if code.is_signed else np.abs(given)
    blocks, back = by_kernel(code, given)
    np.testing.assert_array_equal(code.decoded(blocks, given.size), back)
    for place in range(0, given.size, BLOCK):
        own, unit = given[place : place + BLOCK], float(blocks["unit"][place // BLOCK])
        found = back[place : place + BLOCK]
        if not np.isfinite(own).all():
            assert np.isnan(found).all()
            continue
        assert unit == max(LEAST_UNIT, unit)
        for number, decoded in zip(own.tolist(), found.tolist(), strict=True):
            assert is_between(code, number, decoded, unit), (number, decoded, unit)
            assert decoded == 0 or np.sign(decoded) == np.sign(number)
            assert number != 0 or decoded == 0
            assert code.is_signed or number == 0 or decoded > 0 or unit == LEAST_UNIT
        most = np.abs(own).max()
        np.testing.assert_allclose(np.abs(found).max(), most, rtol=1e-5, atol=code.top * LEAST_UNIT)


@EVERY
def test_numpy_rounds_to_the_nearest_level(code: Code) -> None:
    draw = np.random.default_rng(0)
    numbers = (draw.normal(size=200) ** 3).astype(np.float32)
    numbers = numbers if code.is_signed else np.abs(numbers)
    blocks = code.encoded(numbers)
    units = np.repeat(blocks["unit"], BLOCK)[: numbers.size].astype(float)
    known = np.array([float(one) for one in levels(code)])
    known = known if code.is_signed else known[1:]
    exact = np.abs(numbers) / units
    nearest = np.abs(exact[:, None] - known).min(1)
    errors = np.abs(np.abs(code.decoded(blocks, numbers.size)) / units - exact)
    # float32 holds a number, in units, to 24 bits.
    assert (np.abs(errors - nearest) <= (exact + 1) * 2.0**-22).all()


@EVERY
def test_dither_has_no_bias(code: Code) -> None:
    draw = np.random.default_rng(1)
    numbers = draw.uniform(0.2, 1, size=1 << 16).astype(np.float32)
    numbers[::BLOCK] = 1
    _, back = by_kernel(code, numbers)
    errors = back.astype(float) - numbers
    # A standard error of the mean is below a step over the root of their number.
    assert abs(errors.mean()) < 4 * np.abs(errors).max() / np.sqrt(errors.size)
    assert np.abs(errors).max() > 0


def test_codes_are_as_wide_as_they_say() -> None:
    assert {name: code.dtype.itemsize for name, code in CODES.items()} == {
        **dict.fromkeys(["e3m4", "ue4m4", "e4m3", "ue5m3"], 4 + 64),
        **dict.fromkeys(["e2m1", "ue3m1"], 4 + 32),
    }
