"""Exponentials and logarithms of loops, beside mpmath's at 50 digits."""

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

from optgen.runtime.cpu.elementary import exp, log

Numbers = np.ndarray[Any, Any]
REALS = pytest.mark.parametrize("real", [np.float32, np.float64])
#: Units in the last place.
MOST = 1.1


@numba.njit  # type: ignore[untyped-decorator]
def exponentials(x: Numbers, found: Numbers) -> None:
    for i in range(x.size):
        found[i] = exp(x[i])


@numba.njit  # type: ignore[untyped-decorator]
def logarithms(x: Numbers, found: Numbers) -> None:
    for i in range(x.size):
        found[i] = log(x[i])


def of(function: Callable[..., None], numbers: Any, real: type) -> Numbers:
    x: Numbers = np.array(numbers, real)
    found = np.empty_like(x)
    function(x, found)
    return found


def worst(found: Numbers, x: Numbers, function: Callable[..., Any]) -> float:
    """The largest error, in units in the last place."""
    errors = []
    with mpmath.workdps(50):
        for value, argument in zip(found, x, strict=True):
            exact = function(mpmath.mpf(float(argument)))
            unit = np.spacing(np.abs(value))
            errors.append(float(abs(mpmath.mpf(float(value)) - exact) / float(unit)))
    return max(errors, default=0.0)


@REALS
def test_exponentials_over_their_range(real: Any) -> None:
    low, high = (math.log(float(one)) for one in (np.finfo(real).tiny, np.finfo(real).max))
    draw = np.random.default_rng(0)
    wide = draw.uniform(0.999 * low, 0.999 * high, 3000)
    x = np.concatenate([wide, draw.uniform(-1, 1, 3000)]).astype(real)
    assert worst(of(exponentials, x, real), x, mpmath.exp) <= MOST


@REALS
def test_logarithms_over_their_range(real: Any) -> None:
    low, high = (math.log(float(one)) for one in (np.finfo(real).tiny, np.finfo(real).max))
    draw = np.random.default_rng(0)
    wide = np.exp(draw.uniform(0.999 * low, 0.999 * high, 3000))
    near = 1 + draw.normal(size=1000) * 1e-3
    x = np.concatenate([wide, draw.uniform(0.5, 2, 2000), near]).astype(real)
    assert worst(of(logarithms, x, real), x, mpmath.log) <= MOST


@settings(deadline=None)
@given(st.lists(st.floats(-87.0, 88.5, width=32)), st.lists(st.floats(2.0**-126, width=32)))
def test_any_numbers(powers: list[float], positive: list[float]) -> None:
    finite = [one for one in positive if math.isfinite(one)]
    x = np.array(powers, np.float32)
    assert worst(of(exponentials, x, np.float32), x, mpmath.exp) <= MOST
    x = np.array(finite, np.float32)
    assert worst(of(logarithms, x, np.float32), x, mpmath.log) <= MOST


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
    smallest = np.finfo(real).smallest_normal
    assert np.isfinite(of(logarithms, [smallest, np.finfo(real).max], real)).all()
    # Denormal numbers are zero.
    assert of(logarithms, [smallest / 2], real)[0] == -infinity
    assert of(exponentials, [math.log(float(smallest)) - 0.5], real)[0] == 0.0


def test_python_computes_them_too() -> None:
    assert exp(1.0) == math.e
    assert log(math.e) == 1.0
