"""Groups that are no matrices, beside the same parameters in optgen's own class."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest
import torch

from optgen.torch import optimizer_class
from tests.extents.own import rule
from tests.torch.training import assert_equal, params_of, run, values

SHAPES = ((4, 3), (5,), (6, 2))


def made(params: list[torch.Tensor], **more: Any) -> Any:
    """The last parameter is a table."""
    groups = [{"params": params[:2]}, {"params": params[2:], "matrix": False}]
    return optimizer_class(rule("Normed"))(groups, **more)


def test_a_group_of_no_matrices() -> None:
    params = params_of(*SHAPES, dtype=torch.float64)
    arrays = {name: p.detach().numpy().copy() for name, p in zip("abc", params, strict=True)}
    beside = rule("Normed")(weight_decay=0.1, fallback_learning_rate=0.01)
    beside.exclude_from_matrix(var_names=["c"])
    optimizer = made(params, weight_decay=0.1, fallback_learning_rate=0.01)
    for number in range(5):
        run(optimizer, params, range(number, number + 1))
        beside.apply([p.grad.numpy() for p in params if p.grad is not None], arrays)
    for param, array in zip(params, arrays.values(), strict=True):
        np.testing.assert_allclose(param.detach().numpy(), array, rtol=1e-14)
    assert [*optimizer.state[params[2]]][:2] == ["mean_gradient", "fallback_velocity"]
    assert [one.updated for one in optimizer.routing()] == ["matrix", "fallback", "fallback"]
    assert [one.path for one in optimizer.routing()] == ["0.0", "0.1", "1.0"]


def test_a_run_goes_on_from_a_state_dictionary_and_a_copy() -> None:
    params = params_of(*SHAPES)
    optimizer = made(params)
    run(optimizer, params, range(3))
    saved = copy.deepcopy(optimizer.state_dict())
    others = [param.detach().clone().requires_grad_() for param in params]
    # The file says which groups are no matrices, as it says their learning rates.
    loaded = optimizer_class(rule("Normed"))([{"params": others[:2]}, {"params": others[2:]}])
    loaded.load_state_dict(saved)
    held, copied = copy.deepcopy((params, optimizer))
    run(optimizer, params, range(3, 6))
    run(loaded, others, range(3, 6))
    run(copied, held, range(3, 6))
    assert_equal(values(params), values(others))
    assert_equal(values(params), values(held))
    assert [*loaded.state[others[2]]] == [*optimizer.state[params[2]]]


def test_a_dictionary_without_the_option_leaves_it() -> None:
    params = params_of(*SHAPES)
    optimizer = made(params)
    run(optimizer, params, range(2))
    saved = copy.deepcopy(optimizer.state_dict())
    del saved["param_groups"][1]["matrix"]
    optimizer.load_state_dict(saved)
    assert optimizer.routing()[2].updated == "fallback"


def test_a_group_may_change() -> None:
    params = params_of(*SHAPES)
    optimizer = made(params)
    run(optimizer, params, range(1))
    optimizer.param_groups[1]["matrix"] = True
    run(optimizer, params, range(1, 2))
    assert optimizer.routing()[2].updated == "matrix"
    assert "velocity" in optimizer.state[params[2]]


def test_an_option_that_says_nothing() -> None:
    params = params_of(*SHAPES)
    before = values(params)
    optimizer = made(params)
    optimizer.param_groups[1]["matrix"] = "no"
    message = "Normed: the option 'matrix' of a group is True or False, not 'no'"
    with pytest.raises(TypeError, match=message):
        run(optimizer, params, range(1))
    assert_equal(values(params), before)
    with pytest.raises(TypeError, match="the option 'matrix'"):
        optimizer_class(rule("Normed"))([{"params": params, "matrix": 1}])


def test_names_are_shown_and_warned_of() -> None:
    model = torch.nn.ModuleDict({"body": torch.nn.Linear(3, 4), "head": torch.nn.Linear(4, 2)})
    optimizer = optimizer_class(rule("Normed"))(model.named_parameters())
    params: list[torch.Tensor] = [*model.parameters()]
    with pytest.warns(UserWarning, match=r"'head.weight' as matrices.*with 'matrix': False"):
        run(optimizer, params, range(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(optimizer, params, range(1, 2))
    assert [one.path for one in optimizer.routing()] == [
        *("body.weight", "body.bias", "head.weight", "head.bias")
    ]
