"""Second points: perturb moves the variables, and the step comes back from there."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen

RADIUS = 0.5


def moved(**more: Any) -> tuple[Any, np.ndarray[Any, Any]]:
    """At 3 and 4, whose gradient's unit vector is (0.6, 0.8)."""
    weights = np.array([3.0, 4.0])
    optimizer: Any = optgen.compile("sgd", "sam")(0.25, sam_radius=RADIUS, **more)
    optimizer.build([weights])
    optimizer.perturb([weights.copy()])
    return optimizer, weights


def test_there_and_back() -> None:
    optimizer, weights = moved()
    np.testing.assert_allclose(weights, [3.3, 4.4], rtol=1e-15)
    assert optimizer.iterations == 0
    optimizer.apply([np.array([4.0, 8.0])])
    np.testing.assert_array_equal(weights, [2.0, 2.0])
    # A step without a second point is a plain step.
    optimizer.apply([np.array([4.0, 4.0])])
    np.testing.assert_array_equal(weights, [1.0, 1.0])
    assert optimizer.iterations == 2


def test_the_point_is_left_by_a_step_only(tmp_path: Path) -> None:
    optimizer, weights = moved(use_ema=True)
    refused = [
        lambda: optimizer.perturb([weights.copy()]),
        lambda: optimizer.save(tmp_path / "state"),
        lambda: pickle.dumps(optimizer),
        optimizer.finalize_variable_values,
        lambda: optimizer.averaged().__enter__(),
    ]
    for call in refused:
        with pytest.raises(RuntimeError, match="perturbed"):
            call()
    np.testing.assert_allclose(weights, [3.3, 4.4], rtol=1e-15)
    optimizer.apply([np.array([4.0, 8.0])])
    optimizer.save(tmp_path / "state")
    optimizer.perturb([weights.copy()])
    with pytest.raises(RuntimeError, match="perturbed"):
        optimizer.load(tmp_path / "state")
    optimizer.apply([np.zeros(2)])
    optimizer.load(tmp_path / "state")
    assert optimizer.iterations == 1


def test_what_has_no_second_point() -> None:
    weights = np.ones(2)
    for optimizer in (optgen.compile("sgd", "sam")(), optgen.compile("sgd")()):
        with pytest.raises(RuntimeError, match="where the variables are"):
            optimizer.perturb([np.ones(2)], [weights])
    np.testing.assert_array_equal(weights, [1, 1])


def test_gradients_are_checked_first() -> None:
    optimizer: Any = optgen.compile("sgd", "sam")(sam_radius=RADIUS)
    weights = np.ones(2)
    with pytest.raises(ValueError, match="shape"):
        optimizer.perturb([np.ones(3)], [weights])
    np.testing.assert_array_equal(weights, [1, 1])
