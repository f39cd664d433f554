"""What a call is given beside gradients, and conditions that calls decide."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import optgen
import optgen.optimizers as oo
from tests.runtime.more_than_gradients import GUIDED

pytestmark = pytest.mark.usefixtures("python_kernels")
PERIODIC = '''
name = "Periodic"
[hyperparameters]
learning_rate = { default = 1.0 }
period = { default = 3, integer = true, range = "period >= 1" }
[state]
total = {}
[update]
rule = """
total = total + grad
change = 0*grad
if step % period == 0:
    change = learning_rate*total
    total = 0*grad
"""
'''
Array = np.ndarray[Any, Any]


def ones(*shape: int) -> Array:
    return np.ones(shape)


def made() -> tuple[Any, list[Array]]:
    weights = [ones(2), ones(1, 2)]
    optimizer: Any = optgen.compile(GUIDED)()
    optimizer.build(weights)
    return optimizer, weights


GRADIENTS = [ones(2), 2 * ones(1, 2)]
CURVATURE = [np.array([1.0, 3.0]), np.array([[0.0, 1.0]])]


def test_arrays_and_numbers() -> None:
    optimizer, weights = made()
    optimizer.apply(GRADIENTS, curvature=CURVATURE, loss=0.5)
    np.testing.assert_array_equal(weights[0], [0.75, 0.875])
    np.testing.assert_array_equal(weights[1], [[0.0, 0.5]])
    # By path, with another number, and with what may be left out.
    paths = ["variable_0", "variable_1"]
    pull = [-GRADIENTS[0], ones(1, 2)]
    optimizer.apply(
        GRADIENTS, curvature=dict(zip(paths, CURVATURE, strict=True)), loss=np.float32(1), pull=pull
    )
    np.testing.assert_array_equal(weights[0], [0.75, 0.875])
    np.testing.assert_array_equal(weights[1], [[-3.0, -1.0]])
    optimizer.apply(GRADIENTS, curvature=CURVATURE, loss=0, pull=None)
    np.testing.assert_array_equal(weights[1], [[-3.0, -1.0]])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"loss": 1.0}, "needs curvature in each call"),
        ({"curvature": CURVATURE}, "needs loss in each call"),
        ({"curvature": CURVATURE, "loss": "much"}, "loss must be a number, not 'much'"),
        ({"curvature": CURVATURE, "loss": float("nan")}, "loss is not a number"),
        ({"curvature": CURVATURE, "loss": 1.0, "hessian": 1.0}, "takes no 'hessian'"),
        ({"curvature": 1.0, "loss": 1.0}, "curvature must be a list or a mapping"),
        ({"curvature": CURVATURE[:1], "loss": 1.0}, "curvature: 1 arrays for 2 variables"),
        ({"curvature": {"a": ones(2)}, "loss": 1.0}, "no variable 'a'"),
        (
            {"curvature": [ones(2), ones(2)], "loss": 1.0},
            r"the curvature of 'variable_1' has shape \(2,\)",
        ),
        (
            {"curvature": [ones(2), ones(1, 2).astype(np.float32)], "loss": 1.0},
            "the curvature of 'variable_1' is float32",
        ),
        ({"curvature": [ones(2), None], "loss": 1.0}, "curvature lacks an array for 'variable_1'"),
    ],
)
def test_other_inputs_change_nothing(inputs: dict[str, Any], message: str) -> None:
    optimizer, weights = made()
    with pytest.raises((TypeError, ValueError), match=message):
        optimizer.apply(GRADIENTS, **inputs)
    assert optimizer.iterations == 0
    np.testing.assert_array_equal(np.concatenate([w.ravel() for w in weights]), np.ones(4))


def test_an_input_may_not_be_memory_that_a_step_writes() -> None:
    optimizer, weights = made()
    with pytest.raises(ValueError, match=r"the curvature of 'variable_0' shares memory"):
        optimizer.apply(GRADIENTS, curvature=[weights[0], CURVATURE[1]], loss=1.0)


def test_a_rule_without_inputs_takes_none() -> None:
    with pytest.raises(TypeError, match="it takes gradients only"):
        optgen.compile("sgd")().apply([ones(2)], [ones(2)], loss=1.0)


def test_optional_arrays_of_variables_without_a_gradient() -> None:
    optimizer, weights = made()
    with pytest.warns(UserWarning, match="variable_1"):
        optimizer.apply([ones(2), None], curvature=[ones(2), None], loss=1.0)
    np.testing.assert_array_equal(weights[0], [0.5, 0.5])
    np.testing.assert_array_equal(weights[1], ones(1, 2))


def test_copies_take_inputs() -> None:
    optimizer, weights = made()
    copied, others = pickle.loads(pickle.dumps((optimizer, weights)))
    for one, arrays in ((optimizer, weights), (copied, others)):
        one.apply(GRADIENTS, arrays, curvature=CURVATURE, loss=0.5)
    np.testing.assert_array_equal(others[0], weights[0])
    np.testing.assert_array_equal(weights[0], [0.75, 0.875])


def test_a_call_decides() -> None:
    weights, optimizer = np.zeros(2), optgen.compile(PERIODIC)()
    seen = []
    for gradient in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0):
        optimizer.apply([np.full(2, gradient)], [weights])
        seen.append(weights[0])
    assert seen == [0, 0, -7, -7, -7, -63]


def test_groups_must_agree() -> None:
    optimizer = optgen.compile(PERIODIC)(options={"variable_1": {"period": 2}})
    weights = [np.zeros(1), np.zeros(1)]
    optimizer.apply([np.ones(1)] * 2, weights)
    with pytest.raises(ValueError, match="holds for some of the variables and not for others"):
        optimizer.apply([np.ones(1)] * 2, weights)
    assert optimizer.iterations == 1
    assert weights == [np.zeros(1)] * 2


SUMMED = '''
name = "Summed"

[matrix]
view = "last two"

[hyperparameters]
learning_rate = { default = 1.0 }

[inputs]
curvature = { optional = true }

[update]
rule = """
scale = 1
if given(curvature):
    scale = mean(curvature)
    if matrix:
        scale = row_mean(curvature)
change = learning_rate*grad/scale
"""
'''


def test_sums_of_what_may_be_left_out() -> None:
    weights = [ones(2), ones(2, 2)]
    optimizer: Any = optgen.compile(SUMMED)()
    optimizer.build(weights)
    gradients = [ones(2), ones(2, 2)]
    optimizer.apply(gradients)
    curvature = [np.array([1.0, 3.0]), np.array([[1.0, 3.0], [4.0, 4.0]])]
    optimizer.apply(gradients, curvature=curvature)
    np.testing.assert_array_equal(weights[0], [-0.5, -0.5])
    np.testing.assert_array_equal(weights[1], [[-0.5, -0.5], [-0.25, -0.25]])


def test_only_a_rule_without_gradients_takes_none() -> None:
    weights = np.zeros(3)
    with pytest.raises(ValueError, match="the first apply needs the variables"):
        oo.MeZO().apply(None, loss=1.0)
    with pytest.raises(TypeError, match="gradients must be a list or a mapping"):
        oo.SGD().apply(None, [weights])
    optimizer = oo.MeZO(epsilon=0.5)
    optimizer.apply(None, {"weights": weights}, loss=1.0)
    once = weights.copy()
    optimizer.apply(None, loss=1.0)
    np.testing.assert_array_equal(weights, -once)
    with pytest.raises(TypeError, match="MeZO needs loss in each call"):
        optimizer.apply(None)
    np.testing.assert_array_equal(weights, -once)
