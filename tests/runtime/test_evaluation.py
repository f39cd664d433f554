"""What evaluation uses, computed by the rule: beside the paper's algorithm in plain Python."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import optgen
from tests.runtime.more_than_gradients import SCHEDULE_FREE

Array = np.ndarray[Any, Any]

pytestmark = pytest.mark.usefixtures("python_kernels")


def run() -> tuple[Any, list[Array], list[Array], list[Array]]:
    """An optimizer and its variables after some steps; what y and x of the paper are."""
    draw = np.random.default_rng(4)
    weights = [draw.normal(size=3), draw.normal(size=(2, 2))]
    z, x = [w.copy() for w in weights], [w.copy() for w in weights]
    optimizer: Any = optgen.compile(SCHEDULE_FREE)()
    for step in range(1, 6):
        gradients = [draw.normal(size=w.shape) for w in weights]
        optimizer.apply(gradients, weights)
        z = [one - 0.5 * g for one, g in zip(z, gradients, strict=True)]
        x = [one + (other - one) / step for one, other in zip(x, z, strict=True)]
    y = [0.1 * one + 0.9 * other for one, other in zip(z, x, strict=True)]
    return optimizer, weights, y, x


def close(found: list[Array], expected: list[Array]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_inside_and_after() -> None:
    optimizer, weights, y, x = run()
    close(weights, y)
    before = [w.tobytes() for w in weights]
    with optimizer.averaged():
        close(weights, x)
        with pytest.raises(RuntimeError, match="averaged"):
            optimizer.apply([np.ones(3), np.ones((2, 2))])
    assert [w.tobytes() for w in weights] == before


def test_for_good() -> None:
    optimizer, weights, y, x = run()
    optimizer.finalize_variable_values(weights[:1])
    close(weights, [x[0], y[1]])


def test_copies_evaluate_alike() -> None:
    optimizer, weights, _, x = run()
    copied, others = pickle.loads(pickle.dumps((optimizer, weights)))
    with copied.averaged():
        close(others, x)


def test_before_the_first_step() -> None:
    weights = np.ones(2)
    optimizer: Any = optgen.compile(SCHEDULE_FREE)()
    optimizer.build([weights])
    with optimizer.averaged():
        np.testing.assert_array_equal(weights, [1, 1])


def test_a_rule_that_computes_averages_keeps_no_others() -> None:
    with pytest.raises(ValueError, match="computes averages itself"):
        optgen.compile(SCHEDULE_FREE)(use_ema=True)
