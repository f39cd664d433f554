"""Codes of kernels and of NumPy beside their definition, in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numba import njit
from scipy import stats

from optgen.runtime.arrays import Array, address
from optgen.runtime.codes import BLOCK, CODES, LEAST_UNIT, Code
from optgen.runtime.cpu.blocks import block, encode
from optgen.runtime.cpu.storage import ROUNDING, SEED, STEP, Formats
from tests.runtime.rounding import FIRST, code_noise, encoded

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


def table(*buffers: Array, tensor: int = 0, seed: int = 0, step: int = 1) -> Array:
    """The table of addresses of a variable."""
    addresses = np.zeros((tensor + 1, len(buffers) + len(ROUNDING) + 4), np.int64)
    addresses[tensor, : len(buffers)] = [*map(address, buffers)]
    addresses[tensor, SEED], addresses[tensor, STEP] = seed, step
    return addresses


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
    forward(table(numbers, blocks), numbers.size)
    backward(table(blocks, back), numbers.size)
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


def storing(code: Code) -> Any:
    """What stores the numbers of the first buffer in the second one, from a place on."""
    formats = Formats(np.float32, ("float32", code.name))

    @njit  # type: ignore[untyped-decorator]
    def store(addresses: Array, tensor: int, place: int, count: int, length: int) -> None:
        for start in range(0, count, length):
            here = start, place + start, min(length, count - start), length, 0
            source = block(addresses, tensor, 0, here, formats)
            target = block(addresses, tensor, 1, here, formats)
            for i in range(min(length, count - start)):
                target[i] = source[i]
            encode(target)

    return store


STORING: dict[str, Any] = {}


def stored(
    code: Code,
    numbers: Array,
    place: int = 0,
    length: int = BLOCK,
    *,
    tensor: int = 0,
    seed: int = 0,
    step: int = 1,
) -> Array:
    """What a call leaves of numbers."""
    if code.name not in STORING:
        STORING[code.name] = storing(code)
    blocks = np.zeros(-(-numbers.size // BLOCK), code.dtype)
    addresses = table(numbers, blocks, tensor=tensor, seed=seed, step=step)
    STORING[code.name](addresses, tensor, place, numbers.size, length)
    return code.decoded(blocks, numbers.size)


@EVERY
@pytest.mark.parametrize("length", [BLOCK, 2 * BLOCK])
@pytest.mark.parametrize("place", [0, 37, 2**40 + 64])
def test_noise_chooses_one_of_two_levels(code: Code, length: int, place: int) -> None:
    draw = np.random.default_rng(place)
    numbers = (draw.normal(size=5 * BLOCK - 3) ** 3).astype(np.float32)
    numbers = numbers if code.is_signed else np.abs(numbers)
    places = place + BLOCK * np.arange(5)
    for tensor, seed, step in ((0, 0, 1), (3, 2**62 + 5, 2**33 + 8)):
        noise = code_noise(places, tensor, step, seed, FIRST + 1)
        found = stored(code, numbers, place, length, tensor=tensor, seed=seed, step=step)
        np.testing.assert_array_equal(found, encoded(numbers, code, noise))


@EVERY
def test_repeated_codes_have_no_bias(code: Code) -> None:
    """Of each element by itself, also of those that stand still beside a largest one that does."""
    draw, calls = np.random.default_rng(1), 2000
    numbers = draw.uniform(0.05, 1, size=4 * BLOCK).astype(np.float32)
    numbers[::BLOCK] = 1
    found = np.array([stored(code, numbers, step=call) for call in range(calls)], np.float64)
    low, high = (encoded(numbers, code, np.full(numbers.size, n)) for n in (0, 2**32 - 1))
    assert ((found == low) | (found == high)).all()
    step = np.where(high > low, high.astype(float) - low, 1)
    chance = np.clip((numbers - low) / step, 0, 1)
    # Ups are binomial. Of 256 normal numbers none is beyond 4.5, but for one in 600 runs.
    ups = (found == high).sum(0) * (high > low)
    assert (np.abs(ups - calls * chance) < 4.5 * np.sqrt(calls * chance * (1 - chance)) + 3).all()


def test_noise_is_even_and_its_elements_are_independent() -> None:
    calls = 1500
    noise = np.array([code_noise(np.arange(1) * BLOCK, 2, k, 9, FIRST) for k in range(calls)])
    for other in (
        [code_noise(np.arange(1) * BLOCK, 2, k, 9, FIRST + 1) for k in range(calls)],
        [code_noise(np.arange(1) * BLOCK, 3, k, 9, FIRST) for k in range(calls)],
        [code_noise(np.arange(1) * BLOCK, 2, k, 10, FIRST) for k in range(calls)],
        [code_noise(np.arange(1, 2) * BLOCK, 2, k, 9, FIRST) for k in range(calls)],
        [code_noise(np.arange(1) * BLOCK, 2, k + 1, 9, FIRST) for k in range(calls)],
    ):
        both = np.corrcoef(noise.T.astype(float), np.array(other).T.astype(float))
        across = both[:BLOCK, BLOCK:]
        # Correlations of independent numbers are normal, and 4,096 of them below 5 deviations.
        assert np.abs(across).max() * np.sqrt(calls) < 5
        within = both[:BLOCK, :BLOCK][np.triu_indices(BLOCK, 1)]
        assert np.abs(within).max() * np.sqrt(calls) < 5
    for column in noise.T:
        counts = np.bincount(column >> 27, minlength=32)
        assert stats.chisquare(counts).pvalue > 1e-5


def test_codes_are_as_wide_as_they_say() -> None:
    assert {name: code.dtype.itemsize for name, code in CODES.items()} == {
        **dict.fromkeys(["e3m4", "ue4m4", "e4m3", "ue5m3"], 4 + 64),
        **dict.fromkeys(["e2m1", "ue3m1"], 4 + 32),
    }
