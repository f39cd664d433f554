"""Second points: perturb moves the variables, and the step comes back from there."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen

pytestmark = pytest.mark.usefixtures("python_kernels")
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


BAD = [np.array([1.0, np.nan])]


def test_a_skipped_gradient_brings_the_variables_back() -> None:
    optimizer, weights = moved(on_nonfinite="skip")
    optimizer.apply(BAD)
    np.testing.assert_array_equal(weights, [3.0, 4.0])
    # Both gradients of the next update are taken anew.
    optimizer.perturb([weights.copy()])
    np.testing.assert_allclose(weights, [3.3, 4.4], rtol=1e-15)
    optimizer.apply([np.array([4.0, 8.0])])
    np.testing.assert_array_equal(weights, [2.0, 2.0])
    assert optimizer.iterations == 1


def test_a_first_gradient_that_is_not_finite() -> None:
    optimizer, weights = moved(on_nonfinite="skip")
    optimizer.apply([np.zeros(2)])
    optimizer.perturb(BAD)
    assert np.isnan(weights).any()
    optimizer.apply(BAD)
    np.testing.assert_array_equal(weights, [3.0, 4.0])


def test_an_error_leaves_the_variables_where_they_are() -> None:
    optimizer, weights = moved(on_nonfinite="raise")
    with pytest.raises(ArithmeticError):
        optimizer.apply(BAD)
    np.testing.assert_allclose(weights, [3.3, 4.4], rtol=1e-15)
    optimizer.apply([np.array([4.0, 8.0])])
    np.testing.assert_array_equal(weights, [2.0, 2.0])


def test_each_call_that_only_accumulates_comes_back() -> None:
    optimizer, weights = moved(gradient_accumulation_steps=2)
    optimizer.apply([np.array([4.0, 8.0])])
    np.testing.assert_array_equal(weights, [3.0, 4.0])
    optimizer.perturb([weights.copy()])
    np.testing.assert_allclose(weights, [3.3, 4.4], rtol=1e-15)
    optimizer.apply([np.array([2.0, 0.0])])
    np.testing.assert_array_equal(weights, [3 - 0.25 * 3, 4 - 0.25 * 4])


def test_gradients_that_are_missing_at_one_of_the_points() -> None:
    one, two, idle = np.array([3.0]), np.array([4.0]), np.array([5.0])
    optimizer: Any = optgen.compile("sgd", "sam")(0.25, sam_radius=RADIUS)
    optimizer.build([one, two, idle])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optimizer.perturb([np.array([2.0]), None, None])
        np.testing.assert_array_equal([one, two, idle], [[3.5], [4.0], [5.0]])
        optimizer.apply([None, np.array([4.0]), None])
    np.testing.assert_array_equal([one, two, idle], [[3.0], [3.0], [5.0]])


OWN = """
name = "Own"

[hyperparameters]
learning_rate = {{ default = 0.25 }}

[state]
first = {{}}

[perturb]
rule = \"\"\"
first = param
param = param + grad
\"\"\"

[update]
rule = \"\"\"
if perturbed:
    {back}
param = param - learning_rate*grad
\"\"\"
"""


def own(back: str) -> tuple[Any, np.ndarray[Any, Any]]:
    weights = np.array([3.0])
    made = optgen.compile(OWN.format(back=back))
    optimizer: Any = made(gradient_accumulation_steps=2, on_nonfinite="skip")
    optimizer.build([weights])
    optimizer.perturb([np.array([2.0])])
    return optimizer, weights


def test_a_rule_with_a_point_of_its_own() -> None:
    optimizer, weights = own("param = first")
    optimizer.apply([np.array([np.nan])])
    assert weights == 3.0
    for place in (3.0, 2.0):
        optimizer.perturb([np.array([2.0])])
        optimizer.apply([np.array([4.0])])
        assert weights == place


def test_a_way_back_that_needs_the_gradient() -> None:
    """No call but an update can take it."""
    optimizer, weights = own("param = first + grad")
    for bad in (np.nan, 4.0):
        optimizer.apply([np.array([bad])])
        assert weights == 5.0
    optimizer.apply([np.array([4.0])])
    assert weights == 3.0 + 4.0 - 0.25 * 4.0
