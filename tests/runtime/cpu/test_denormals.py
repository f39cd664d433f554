"""Denormal numbers are zero inside of kernels, and what they were outside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optgen.optimizers import SGD, Adam

SMALL = np.float32(1e-39)


@pytest.mark.parametrize("size", [7, 500_000])
def test_states_do_not_stay_denormal(size: int) -> None:
    variable = np.zeros(size, np.float32)
    optimizer = Adam(global_clipnorm=1.0)
    optimizer.build([variable])
    optimizer.apply([np.full(size, 1e-30, np.float32)])
    for state in optimizer.state["variable_0"].values():
        state[...] = SMALL
    assert SMALL.tobytes() != np.float32(0).tobytes()
    optimizer.apply([np.zeros(size, np.float32)])
    for state in optimizer.state["variable_0"].values():
        assert not state.any()


@pytest.mark.parametrize("size", [7, 500_000])
def test_nothing_outside_notices(size: int) -> None:
    optimizer = SGD(0.5)
    optimizer.build([np.ones(size, np.float32)])
    optimizer.apply([np.ones(size, np.float32)])
    half: Any = np.full(3, SMALL) * np.float32(0.5)
    assert (half > 0).all()


def test_what_is_not_finite_stays() -> None:
    variable = np.array([np.nan, np.inf, -np.inf, 1.0], np.float32)
    optimizer = SGD(0.5)
    optimizer.build([variable])
    optimizer.apply([np.zeros(4, np.float32)])
    assert np.array_equal(variable, [np.nan, np.inf, -np.inf, 1.0], equal_nan=True)
