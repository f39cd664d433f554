"""Bad variables and gradients are refused, and then nothing has changed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from optgen.optimizers import SGD, RMSprop
from optgen.runtime import Array, Optimizer

pytestmark = pytest.mark.usefixtures("python_kernels")


def built(**arguments: Any) -> tuple[Optimizer, dict[str, Array]]:
    variables = {
        "kernel": np.arange(12.0).reshape(3, 4).copy(),
        "bias": np.ones(4, np.float32),
        "scale": np.array(2.0),
    }
    optimizer = RMSprop(learning_rate=0.1, momentum=0.5, **arguments)
    optimizer.build(variables)
    optimizer.apply({path: np.ones_like(v) for path, v in variables.items()})
    return optimizer, variables


def snapshot(optimizer: Optimizer, variables: dict[str, Array]) -> Any:
    return copy.deepcopy((variables, optimizer.state, optimizer.iterations, optimizer._iterations))


def assert_same(left: Any, right: Any) -> None:
    np.testing.assert_equal(left, right)


def read_only(array: Array) -> Array:
    array = array.copy()
    array.flags.writeable = False
    return array


whole = np.zeros(20)

BAD_VARIABLES: dict[str, tuple[type[Exception], Callable[[], Any]]] = {
    "a list": (TypeError, lambda: [[1.0, 2.0]]),
    "one array": (TypeError, lambda: np.zeros(3)),
    "an integer array": (TypeError, lambda: [np.zeros(3, np.int64)]),
    "an extended one": (TypeError, lambda: [np.zeros(3, np.longdouble)]),
    "objects": (TypeError, lambda: [np.zeros(3, object)]),
    "another byte order": (TypeError, lambda: [np.zeros(3, np.dtype("f8").newbyteorder())]),
    "a masked array": (TypeError, lambda: [np.ma.masked_array([1.0], [True])]),
    "a read-only array": (ValueError, lambda: [read_only(np.zeros(3))]),
    "an array with gaps": (ValueError, lambda: [np.zeros(6)[::2]]),
    "a reversed array": (ValueError, lambda: [np.zeros(6)[::-1]]),
    "a broadcast array": (
        ValueError,
        lambda: [np.lib.stride_tricks.as_strided(whole, (3, 3), (0, 8))],
    ),
    "an unaligned array": (ValueError, lambda: [np.zeros(17, np.uint8)[1:].view(np.float64)]),
    "the same twice": (ValueError, lambda: [whole, whole]),
    "the same twice, with nothing in it": (ValueError, lambda: [whole[:0]] * 2),
    "a generator": (TypeError, lambda: (array for array in [np.zeros(3)])),
    "a name": (TypeError, lambda: "kernel"),
    "nothing": (TypeError, lambda: None),
    "a path that is a number": (TypeError, lambda: {1: np.zeros(3), "1": np.zeros(3)}),
    "two that overlap": (ValueError, lambda: [whole[:12], whole[8:]]),
}


@pytest.mark.parametrize("case", BAD_VARIABLES)
def test_bad_variables_leave_the_optimizer_unbuilt(case: str) -> None:
    expected, make = BAD_VARIABLES[case]
    optimizer = SGD(momentum=0.9)
    with pytest.raises(expected):
        optimizer.build(make())
    assert not optimizer.built
    variable = np.zeros(2)
    optimizer.apply([np.ones(2)], [variable])
    assert optimizer.built


def test_neighbours_in_one_array_are_fine() -> None:
    memory = np.zeros(10)
    left, right = memory[:4], memory[4:]
    SGD(learning_rate=1.0).apply([np.ones(4), np.full(6, 2.0)], [left, right])
    np.testing.assert_array_equal(memory, [-1.0] * 4 + [-2.0] * 6)


Gradients = Callable[[dict[str, Array]], Any]
GOOD = {"kernel": np.ones((3, 4)), "bias": np.ones(4, np.float32), "scale": np.array(1.0)}
BAD_GRADIENTS: dict[str, tuple[type[Exception], str, Gradients]] = {
    "wrong shape": (ValueError, "shape", lambda v: {**GOOD, "bias": np.ones(5, np.float32)}),
    "scalar for many": (ValueError, "shape", lambda v: {**GOOD, "bias": np.float32(1)}),
    "wrong dtype": (TypeError, "float64", lambda v: {**GOOD, "bias": np.ones(4)}),
    "a list": (TypeError, "array", lambda v: {**GOOD, "bias": [1.0] * 4}),
    "masked": (TypeError, "array", lambda v: {**GOOD, "scale": np.ma.masked_array(1.0)}),
    "the variable itself": (ValueError, "memory", lambda v: {**GOOD, "kernel": v["kernel"]}),
    "another variable": (ValueError, "memory", lambda v: {**GOOD, "scale": v["kernel"][0, 0, ...]}),
    "turned around": (
        ValueError,
        "memory",
        lambda v: {**GOOD, "kernel": v["kernel"].reshape(-1)[::-1].reshape(3, 4)},
    ),
    "too few": (ValueError, "2 gradients", lambda v: list(GOOD.values())[:2]),
    "too many": (ValueError, "4 gradients", lambda v: [*GOOD.values(), np.ones(1)]),
    "a path too many": (ValueError, "typo", lambda v: {**GOOD, "typo": np.ones(1)}),
    "a path missing": (ValueError, "scale", lambda v: {k: GOOD[k] for k in ("kernel", "bias")}),
    "all missing": (ValueError, "gradient", lambda v: [None, None, None]),
    "one array": (TypeError, "list", lambda v: np.ones((3, 4))),
}


@pytest.mark.parametrize("case", BAD_GRADIENTS)
def test_bad_gradients_change_nothing(case: str) -> None:
    expected, message, make = BAD_GRADIENTS[case]
    optimizer, variables = built()
    before = snapshot(optimizer, variables)
    with pytest.raises(expected, match=message):
        optimizer.apply(make(variables))
    assert_same(snapshot(optimizer, variables), before)


def test_a_first_apply_that_fails_builds_nothing() -> None:
    optimizer = SGD()
    with pytest.raises(ValueError, match="shape"):
        optimizer.apply([np.ones(3)], [np.ones(2)])
    assert not optimizer.built
    with pytest.raises(ValueError, match="needs the variables"):
        optimizer.apply([np.ones(3)])


def test_an_empty_list_does_nothing() -> None:
    optimizer = SGD()
    optimizer.apply([])
    assert not optimizer.built
    assert optimizer.iterations == 0


def test_a_gradient_may_not_be_a_part_of_the_state() -> None:
    optimizer, variables = built()
    before = snapshot(optimizer, variables)
    buffer = optimizer.state["kernel"]["momentum_buffer"]
    for gradient in (buffer, buffer[::-1], np.broadcast_to(buffer[0], (3, 4))):
        with pytest.raises(ValueError, match="shares memory with the state momentum_buffer"):
            optimizer.apply({**GOOD, "kernel": gradient})
    assert_same(snapshot(optimizer, variables), before)


def test_state_stays_where_kernels_write_it() -> None:
    optimizer, _ = built()
    with pytest.raises(ValueError, match="resize"):
        optimizer.state["kernel"]["velocity"].resize((3000, 4), refcheck=False)


def test_nothing_shares_no_memory_with_what_is_around_it() -> None:
    memory, empty = np.zeros(4), np.zeros(0)
    optimizer = SGD(learning_rate=1.0)
    optimizer.build([memory, empty])
    optimizer.apply([np.ones(4), memory[2:2]])
    np.testing.assert_array_equal(memory, -1.0)


def harmful(variable: Array, harm: str) -> None:
    if harm == "read-only":
        variable.flags.writeable = False
    elif harm == "resized":
        variable.resize((300, 4), refcheck=False)
    elif harm == "moved":
        # Back to its shape, but a million elements have been elsewhere.
        old = variable.__array_interface__["data"]
        variable.resize((1 << 20, 4), refcheck=False)
        variable.resize((3, 4), refcheck=False)
        assert variable.__array_interface__["data"] != old
    else:
        # Numpy deprecates it, but code that does it is about.
        np.ndarray.__dict__["shape"].__set__(variable, (4, 3))


@pytest.mark.parametrize("harm", ["read-only", "resized", "moved", "reshaped"])
@pytest.mark.filterwarnings("ignore:Setting the shape:DeprecationWarning")
def test_a_variable_that_changed_since_build(harm: str) -> None:
    optimizer, variables = built()
    harmful(variables["kernel"], harm)
    before = snapshot(optimizer, variables)
    with pytest.raises(ValueError, match="kernel"):
        optimizer.apply({**GOOD, "kernel": np.ones(variables["kernel"].shape)})
    assert_same(snapshot(optimizer, variables), before)


def test_unknown_variables_and_second_builds() -> None:
    optimizer, variables = built()
    with pytest.raises(ValueError, match="not built with"):
        optimizer.apply([np.ones(2)], [np.ones(2)])
    with pytest.raises(ValueError, match="twice"):
        optimizer.apply([np.array(1.0)] * 2, [variables["scale"]] * 2)
    with pytest.raises(ValueError, match="built already"):
        optimizer.build(variables)
    with pytest.raises(ValueError, match="before the optimizer is built"):
        optimizer.exclude_from_weight_decay(var_names=["bias"])


GENTLE: dict[str, Callable[[Array], Any]] = {
    "read-only": read_only,
    "fortran": np.asfortranarray,
    "transposed": lambda g: np.ascontiguousarray(g.T).T,
    "with gaps": lambda g: np.repeat(g, 2, axis=1)[:, ::2],
    "reversed": lambda g: np.ascontiguousarray(g[::-1])[::-1],
    "unaligned": lambda g: np.frombuffer(b"x" + g.tobytes(), g.dtype, offset=1).reshape(g.shape),
}


@pytest.mark.parametrize("layout", GENTLE)
@pytest.mark.parametrize("order", ["C", "F"])
def test_gradients_of_any_layout(layout: str, order: Any) -> None:
    gradient = np.random.default_rng(3).normal(size=(5, 7))
    start = np.random.default_rng(4).normal(size=(5, 7))
    variable = np.array(start, order=order)
    SGD(learning_rate=0.5).apply([GENTLE[layout](gradient)], [variable])
    np.testing.assert_array_equal(variable, start - 0.5 * gradient)


def test_broadcast_and_shared_gradients() -> None:
    one, other = np.zeros((2, 3)), np.zeros((2, 3))
    gradient = np.broadcast_to(np.arange(3.0), (2, 3))
    SGD(learning_rate=1.0).apply([gradient, gradient], [one, other])
    np.testing.assert_array_equal(one, -gradient)
    np.testing.assert_array_equal(other, -gradient)


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0)])
def test_variables_of_any_dense_layout(axes: tuple[int, int, int]) -> None:
    memory = np.zeros((2, 3, 4))
    variable = memory.transpose(axes)
    gradient = np.random.default_rng(0).normal(size=variable.shape)
    optimizer = RMSprop(learning_rate=0.5, rho=0.0, epsilon=1e-12)
    optimizer.apply([gradient], [variable])
    np.testing.assert_allclose(variable, -0.5 * np.sign(gradient))
    np.testing.assert_array_equal(optimizer.state["variable_0"]["velocity"], gradient**2)


def test_no_dimension_and_nothing_in_it() -> None:
    scalar, empty = np.array(1.0), np.zeros((0, 3))
    optimizer = SGD(learning_rate=1.0, global_clipnorm=100.0)
    optimizer.apply([np.float64(2.0), np.zeros((0, 3))], [scalar, empty])
    assert float(scalar) == -1.0
    alone = SGD()
    alone.apply([np.zeros(0)], [np.zeros(0)])
    assert alone.iterations == 1
