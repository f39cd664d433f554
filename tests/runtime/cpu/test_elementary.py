"""Functions of loops beside mpmath's at 50 digits; errors are within what the registry states."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optgen.compiler.ir.functions import REGISTRY
from optgen.runtime.cpu.elementary import atan2, exp, floor, log, tanh
from optgen.runtime.cpu.formats import FORMATS
from optgen.runtime.dtypes import DTYPES

Numbers = np.ndarray[Any, Any]
REALS = pytest.mark.parametrize("real", [np.float32, np.float64])
#: Units in the last place.
MOST_EXP, MOST_LOG, MOST_TANGENT, MOST_ANGLE = (
    float(REGISTRY[name].errors.cpu) for name in ("exp", "log", "tanh", "atan2")
)


@numba.njit  # type: ignore[untyped-decorator]
def exponentials(x: Numbers, found: Numbers) -> None:
    for i in range(x.size):
        found[i] = exp(x[i])


@numba.njit  # type: ignore[untyped-decorator]
def logarithms(x: Numbers, found: Numbers) -> None:
    for i in range(x.size):
        found[i] = log(x[i])


@numba.njit  # type: ignore[untyped-decorator]
def tangents(x: Numbers, found: Numbers) -> None:
    for i in range(x.size):
        found[i] = tanh(x[i])


@numba.njit  # type: ignore[untyped-decorator]
def floors(x: Numbers, found: Numbers) -> None:
    for i in range(x.size):
        found[i] = floor(x[i])


@numba.njit  # type: ignore[untyped-decorator]
def angles(points: Numbers, found: Numbers) -> None:
    for i in range(found.size):
        found[i] = atan2(points[i], points[i + found.size])


def of(function: Callable[..., None], numbers: Any, real: type) -> Numbers:
    x: Numbers = np.array(numbers, real)
    found = np.empty_like(x)
    function(x, found)
    return found


def worst(found: Numbers, x: Numbers, function: Callable[..., Any]) -> float:
    """The largest error, in units in the last place; arguments are numbers, or tuples of them."""
    errors = []
    with mpmath.workdps(50):
        for value, argument in zip(found, x, strict=True):
            exact = function(*(mpmath.mpf(float(one)) for one in np.atleast_1d(argument)))
            unit = np.spacing(np.abs(value))
            errors.append(float(abs(mpmath.mpf(float(value)) - exact) / float(unit)))
    return max(errors, default=0.0)


@REALS
def test_exponentials_over_their_range(real: Any) -> None:
    low, high = (math.log(float(one)) for one in (np.finfo(real).tiny, np.finfo(real).max))
    draw = np.random.default_rng(0)
    wide = draw.uniform(0.999 * low, 0.999 * high, 3000)
    x = np.concatenate([wide, draw.uniform(-1, 1, 3000)]).astype(real)
    assert worst(of(exponentials, x, real), x, mpmath.exp) <= MOST_EXP


@REALS
def test_logarithms_over_their_range(real: Any) -> None:
    low, high = (math.log(float(one)) for one in (np.finfo(real).tiny, np.finfo(real).max))
    draw = np.random.default_rng(0)
    wide = np.exp(draw.uniform(0.999 * low, 0.999 * high, 3000))
    near = 1 + draw.normal(size=1000) * 1e-3
    x = np.concatenate([wide, draw.uniform(0.5, 2, 2000), near]).astype(real)
    assert worst(of(logarithms, x, real), x, mpmath.log) <= MOST_LOG


@REALS
def test_hyperbolic_tangents(real: Any) -> None:
    draw = np.random.default_rng(0)
    small = np.exp(draw.uniform(-80, 3, 4000))
    x = np.concatenate([draw.uniform(-21, 21, 4000), draw.uniform(-1, 1, 8000), small]).astype(real)
    assert worst(of(tangents, x, real), x, mpmath.tanh) <= MOST_TANGENT


@REALS
def test_angles(real: Any) -> None:
    draw = np.random.default_rng(0)
    near = draw.normal(size=(2, 8000))
    far = draw.normal(size=(2, 8000)) * np.exp(draw.uniform(-20, 20, (2, 8000)))
    y, x = np.concatenate([near, far], axis=1).astype(real)
    found = np.empty_like(x)
    angles(np.concatenate([y, x]), found)
    assert worst(found, np.stack([y, x], axis=1), mpmath.atan2) <= MOST_ANGLE


@REALS
def test_angles_of_axes_corners_and_infinity(real: Any) -> None:
    nan, infinity = math.nan, math.inf
    ends = [0.0, 1.0, -1.0, 3e38, -3e38, infinity, -infinity, nan]
    y, x = (one.ravel() for one in np.meshgrid(np.array(ends, real), np.array(ends, real)))
    found = np.empty_like(x)
    angles(np.concatenate([y, x]), found)
    np.testing.assert_allclose(found, np.arctan2(y, x), rtol=4 * float(np.finfo(real).eps))


@REALS
def test_whole_numbers_below(real: Any) -> None:
    draw = np.random.default_rng(0)
    ends = [0.0, -0.25, 0.999999, 3.0, -3.0, 1e30, -1e30, math.nan, math.inf, -math.inf]
    x = np.concatenate([ends, draw.uniform(-9, 9, 1000), draw.normal(size=99) * 1e7]).astype(real)
    np.testing.assert_array_equal(of(floors, x, real), np.floor(x))


@settings(deadline=None)
@given(st.lists(st.floats(-87.0, 88.5, width=32)), st.lists(st.floats(2.0**-126, width=32)))
def test_any_numbers(powers: list[float], positive: list[float]) -> None:
    finite = [one for one in positive if math.isfinite(one)]
    x = np.array(powers, np.float32)
    assert worst(of(exponentials, x, np.float32), x, mpmath.exp) <= MOST_EXP
    x = np.array(finite, np.float32)
    assert worst(of(logarithms, x, np.float32), x, mpmath.log) <= MOST_LOG


@REALS
def test_what_has_no_fraction(real: Any) -> None:
    nan, infinity = math.nan, math.inf
    x = [nan, infinity, -infinity, 1e308, -1e308, 0.0, -0.0]
    with np.errstate(over="ignore"):
        found = of(exponentials, x, real)
    np.testing.assert_array_equal(found, [nan, infinity, 0, infinity, 0, 1, 1])
    x = [nan, infinity, -infinity, 0.0, -0.0, -1.0, 1.0]
    found = of(logarithms, x, real)
    np.testing.assert_array_equal(found, [nan, infinity, nan, -infinity, -infinity, nan, 0])
    found = of(tangents, [nan, infinity, -infinity, 1e30, -1e30, 0.0, -0.0], real)
    np.testing.assert_array_equal(found, [nan, 1, -1, 1, -1, 0, 0])
    smallest = np.finfo(real).smallest_normal
    assert np.isfinite(of(logarithms, [smallest, np.finfo(real).max], real)).all()
    # Denormal numbers are zero.
    assert of(logarithms, [smallest / 2], real)[0] == -infinity
    assert of(exponentials, [math.log(float(smallest)) - 0.5], real)[0] == 0.0


def test_python_computes_them_too() -> None:
    assert exp(1.0) == math.e
    assert log(math.e) == 1.0
    assert (tanh(0.0), atan2(0.0, -1.0), floor(-0.5)) == (0.0, math.pi, -1.0)


def test_each_dtype_of_parameters_has_a_format() -> None:
    assert {found.real for found in FORMATS.values()} == set(DTYPES.values())
