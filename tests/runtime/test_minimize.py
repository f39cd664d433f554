"""The step down a loss that computes its own gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optgen.optimizers import SGD, LossScaleOptimizer, RMSprop

Array = np.ndarray[Any, np.dtype[np.float32]]


def parabola(variable: Array) -> Callable[[], tuple[float, list[Array]]]:
    """Half of the square, whose gradient is the variable itself."""
    return lambda: (float(variable**2 / 2), [variable.copy()])


@pytest.mark.parametrize("scale", [None, 8.0])
def test_the_number_of_kerass_page(scale: float | None) -> None:
    variable = np.array(10.0, np.float32)
    optimizer = RMSprop(learning_rate=0.1, loss_scale_factor=scale)
    assert optimizer.minimize(parabola(variable), [variable]) == 50.0
    assert variable == pytest.approx(9.683772, rel=1e-7)
    assert optimizer.iterations == 1


def test_variables_are_named_once() -> None:
    variable = np.array(4.0, np.float32)
    optimizer = SGD(0.5)
    optimizer.build({"w": variable})
    for _ in range(2):
        optimizer.minimize(lambda: (0.0, {"w": variable.copy()}))
    assert variable == 1.0


def test_a_scale_that_overflows_skips_the_step_and_falls() -> None:
    variable = np.array(1.0, np.float32)
    optimizer = LossScaleOptimizer(SGD(0.5), initial_scale=2.0**120)
    optimizer.minimize(lambda: (0.0, [np.array(1e6, np.float32)]), [variable])
    assert variable == 1.0
    assert optimizer.dynamic_scale == 2.0**119
    optimizer.minimize(parabola(variable), [variable])
    assert variable == 0.5
