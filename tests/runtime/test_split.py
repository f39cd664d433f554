"""Stacks of matrices: what is split is updated as separate variables are, in every view."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import optgen
from optgen.optimizers import SGD

pytestmark = pytest.mark.usefixtures("python_kernels")
Array = np.ndarray[Any, Any]
GaLore = optgen.compile("galore")
SPEC = '''
name = "Even"
[matrix]
view = "VIEW"
[state]
of_rows = {{ shape = "rows", when = "matrix" }}
[update]
rule = """
if matrix:
    of_rows = row_norm(grad)
    change = learning_rate*grad*(1/(1 + of_rows))*(rows/columns)*(1/norm(column_sum(grad)))
else:
    change = learning_rate*grad
"""
'''.replace("{{", "{").replace("}}", "}")
VIEWS = ("first by rest", "last two", "two largest")


def moved(optimizer: Any, variables: list[Array], parts: int = 1, steps: int = 5) -> list[Array]:
    """Where variables go; gradients are those of parts along the first dimension."""
    rng = np.random.default_rng(4)
    for _ in range(steps):
        grad = rng.normal(size=(parts * len(variables[0]), *variables[0].shape[1:]))
        optimizer.apply(np.split(grad, parts), variables)
    return variables


@pytest.mark.parametrize(
    ("shape", "order"), [((12, 5), "C"), ((12, 5), "F"), ((12, 3, 2), "C"), ((6, 7), "C")]
)
def test_projections_are_updated_as_if_they_were_alone(shape: tuple[int, ...], order: Any) -> None:
    start = np.random.default_rng(0).normal(size=shape)
    whole = GaLore(learning_rate=0.1, rank=2, period=2)
    whole.split_matrix(3, var_names=["qkv"])
    variables = {"layer/qkv": np.array(start, order=order)}
    whole.build(variables)
    (found,) = moved(whole, [variables["layer/qkv"]])
    assert [route.view for route in whole.routing()] == [f"3 of {shape[0] // 3} x {start[0].size}"]
    assert whole.state["layer/qkv"]["singular_basis"].shape == (
        3,
        min(shape[0] // 3, start[0].size),
        2,
    )
    alone = GaLore(learning_rate=0.1, rank=2, period=2)
    wanted = moved(alone, [part.copy() for part in np.split(start, 3)], parts=3)
    assert np.abs(found - start).max() > 0.01
    np.testing.assert_allclose(found, np.concatenate(wanted), rtol=1e-12)


@pytest.mark.parametrize("view", VIEWS)
def test_a_split_in_every_view(view: str) -> None:
    """Vectors and elements of a view are those of separate variables."""
    make: Any = optgen.compile(SPEC.replace("VIEW", view))
    start = np.random.default_rng(0).normal(size=(8, 3, 5))
    whole, alone = make(), make()
    whole.split_matrix(2, var_names=["variable"])
    (found,) = moved(whole, [start.copy()], steps=1)
    wanted = moved(alone, [part.copy() for part in np.split(start, 2)], parts=2, steps=1)
    rows = [states["of_rows"] for states in alone.state.values()]
    np.testing.assert_allclose(whole.state["variable_0"]["of_rows"], np.concatenate(rows))
    whole_change, changes = start - found, start - np.concatenate(wanted)
    # The norm of the sums of columns is that of all matrices of a variable.
    ratios = np.split(whole_change / changes, 2)
    for ratio in ratios:
        np.testing.assert_allclose(ratio, ratio.flat[0], rtol=1e-6)


def test_experts_need_no_split() -> None:
    """A batch of matrices has the view "last two"."""
    make: Any = optgen.compile(SPEC.replace("VIEW", "last two"))
    optimizer = make()
    optimizer.build([np.zeros((4, 3, 5))])
    assert [route.view for route in optimizer.routing()] == ["4 of 3 x 5"]


def test_the_last_split_counts() -> None:
    optimizer = GaLore()
    variables = {"qkv": np.zeros((12, 5)), "heads": np.zeros((12, 5)), "bias": np.zeros(7)}
    optimizer.split_matrix(3, [variables["qkv"]], ["heads", "bias"])
    optimizer.split_matrix(4, var_names="^heads$")
    optimizer.build(variables)
    assert [route.view for route in optimizer.routing()] == ["3 of 4 x 5", "4 of 3 x 5", ""]


def test_copies_are_split_too() -> None:
    optimizer = GaLore(rank=2)
    variables = {"qkv": np.ones((12, 5)), "other": np.ones((12, 5))}
    optimizer.split_matrix(3, [variables["qkv"]])
    with pytest.raises(ValueError, match="has no path before"):
        optimizer.get_config()
    optimizer.build(variables)
    for one in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        assert [route.view for route in one.routing()] == ["3 of 4 x 5", "12 x 5"]
    again = GaLore.from_config(optimizer.get_config())
    again.build(variables)
    assert [route.view for route in again.routing()] == ["3 of 4 x 5", "12 x 5"]
    assert again.get_config()["split_matrix"] == [(3, [r"\Aqkv\Z"])]


def test_a_length_that_is_no_multiple() -> None:
    optimizer = GaLore()
    optimizer.split_matrix(3, var_names=["qkv"])
    with pytest.raises(ValueError, match=r"'qkv' has the shape \(13, 5\).*3 matrices"):
        optimizer.build({"qkv": np.zeros((13, 5))})
    assert not optimizer.built


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0,), ValueError, "at least 1"),
        ((True,), TypeError, "integer"),
        ((2.0,), TypeError, "integer"),
        ((2, np.zeros(3)), TypeError, "list of arrays"),
        ((2, None, ["("]), ValueError, "regular expression"),
        ((2, None, [3]), TypeError, "strings"),
    ],
)
def test_mistakes(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        GaLore().split_matrix(*arguments)


def test_a_rule_without_a_view_has_no_matrices() -> None:
    with pytest.raises(ValueError, match="no view"):
        SGD().split_matrix(3, var_names=["qkv"])


def test_it_is_too_late_once_states_exist() -> None:
    optimizer = GaLore()
    optimizer.build([np.zeros((4, 4))])
    with pytest.raises(ValueError, match="before the optimizer is built"):
        optimizer.split_matrix(2, var_names=["variable"])
