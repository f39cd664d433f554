"""Numbers, rows and columns among the states of torch's parameters."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_state_dict,
    set_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

from optgen.torch import optimizer_class
from tests.extents.formulas import differences, drawn, expected
from tests.extents.own import NAMES, rule
from tests.torch.training import assert_equal, network, params_of, run, values

pytestmark = pytest.mark.usefixtures("python_kernels")
every_rule = pytest.mark.parametrize("name", NAMES)


def kind_of(name: str) -> Any:
    return optimizer_class(rule(name))


def tensors(optimizer: Any, params: list[torch.Tensor]) -> list[torch.Tensor]:
    """Parameters and their states."""
    own = [value for param in params for value in optimizer.state[param].values()]
    return values([*params, *own])


@every_rule
def test_parameters_and_states_are_those_of_the_formulas(name: str) -> None:
    held, rows = drawn(8)
    params = [torch.tensor(array).requires_grad_() for array in held]
    optimizer = kind_of(name)(params)
    for row in rows:
        for param, gradient in zip(params, row, strict=True):
            param.grad = None if gradient is None else torch.tensor(gradient)
        optimizer.step()

    def state(k: int | None, wanted: str) -> Any:
        return optimizer.state[params[k or 0]][wanted].numpy()

    arrays = [param.detach().numpy() for param in params]
    assert not differences(state, arrays, expected(name, held, rows, plain=()), 2e-6)
    assert params[-1] not in optimizer.state


@every_rule
def test_a_run_goes_on_through_a_file(name: str, tmp_path: Path) -> None:
    straight, broken = (params_of((4, 3), (5,), (2, 3, 4)) for _ in range(2))
    one, other = kind_of(name)(straight, lr=0.05), kind_of(name)(broken, lr=0.05)
    run(one, straight, range(6))
    run(other, broken, range(3))
    torch.save(other.state_dict(), tmp_path / "state.pt")
    again = kind_of(name)(broken, lr=0.5)
    again.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    run(again, broken, range(3, 6))
    assert_equal(tensors(one, straight), tensors(again, broken))


@every_rule
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_on_alike(name: str, copied: Callable[[Any], Any]) -> None:
    params = params_of((4, 3), (5,))
    optimizer = kind_of(name)(params, lr=0.05)
    run(optimizer, params, range(2))
    twin_params, twin = copied((params, optimizer))
    run(optimizer, params, range(2, 5))
    run(twin, twin_params, range(2, 5))
    assert_equal(tensors(optimizer, params), tensors(twin, twin_params))


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("name", ["Factored", "Learned"])
def test_distributed_checkpoints(name: str, *, flat: bool, tmp_path: Path) -> None:
    options = StateDictOptions(flatten_optimizer_state_dict=flat)
    modules = network(torch.float32), network(torch.float32)
    one, other = (kind_of(name)(module.parameters(), lr=0.05) for module in modules)
    straight: list[torch.Tensor] = list(modules[0].parameters())
    broken: list[torch.Tensor] = list(modules[1].parameters())
    run(one, straight, range(3))
    model_state, state = get_state_dict(modules[0], one, options=options)
    save({"model": model_state, "optimizer": state}, checkpoint_id=str(tmp_path))
    model_state, state = get_state_dict(modules[1], other, options=options)
    found: dict[str, Any] = {"model": model_state, "optimizer": state}
    load(found, checkpoint_id=str(tmp_path))
    set_state_dict(
        modules[1],
        other,
        model_state_dict=found["model"],
        optim_state_dict=found["optimizer"],
        options=options,
    )
    run(one, straight, range(3, 6))
    run(other, broken, range(3, 6))
    assert_equal(tensors(one, straight), tensors(other, broken))


@pytest.mark.parametrize("name", ["Factored", "Covered"])
def test_other_layouts_and_half_precision_are_viewed_by_their_shape(name: str) -> None:
    (plain,) = params_of((6, 4))
    gaps = torch.zeros(6, 9).narrow(1, 2, 4).copy_(plain.detach())
    turned = plain.detach().t().contiguous().t()
    half = plain.detach().bfloat16()
    others = [one.detach().requires_grad_() for one in (gaps, turned, half)]
    optimizers = [kind_of(name)([one], lr=0.05) for one in (plain, *others)]
    for number in range(4):
        generator = torch.Generator().manual_seed(number)
        gradient = torch.randn(6, 4, generator=generator).bfloat16()
        for optimizer, param in zip(optimizers, (plain, *others), strict=True):
            param.grad = gradient.to(param.dtype)
            optimizer.step()
    wanted = optimizers[0].state[plain]
    for optimizer, param in zip(optimizers[1:], others, strict=True):
        tolerance = 2e-2 if param is others[2] else 1e-6
        torch.testing.assert_close(param.float(), plain, rtol=tolerance, atol=tolerance)
        for state, value in optimizer.state[param].items():
            torch.testing.assert_close(value, wanted[state], rtol=1e-6, atol=1e-9)


def test_a_number_of_the_optimizer_is_one_tensor() -> None:
    params = params_of((4, 3), (5,), (2,))
    optimizer = kind_of("Learned")(params[:2])
    run(optimizer, params[:2], range(3))
    distance = optimizer.state[params[0]]["distance"]
    assert optimizer.state[params[1]]["distance"] is distance
    optimizer.add_param_group({"params": params[2:]})
    run(optimizer, params, range(3, 4))
    assert all(optimizer.state[param]["distance"] is distance for param in params)
    distance.fill_(0.5)
    before = values(params)
    run(optimizer, params, range(4, 5))
    moved = max(float((a - b).abs().max()) for a, b in zip(before, values(params), strict=True))
    assert moved > 0.1


def test_numbers_that_differ_are_refused() -> None:
    params = params_of((4, 3), (5,))
    optimizer = kind_of("Learned")(params)
    run(optimizer, params, range(2))
    before, kept = tensors(optimizer, params), dict(optimizer.state[params[1]])
    optimizer.state[params[1]]["distance"] = torch.tensor(7.0, dtype=torch.float64)
    with pytest.raises(ValueError, match="all parameters share it"):
        optimizer.step()
    optimizer.state[params[1]].update(kept)
    assert_equal(before, tensors(optimizer, params))
    # A number in each of them is a new one.
    for param in params:
        optimizer.state[param]["distance"] = torch.tensor(7.0, dtype=torch.float32)
    run(optimizer, params, range(2, 3))
    found = [optimizer.state[param]["distance"] for param in params]
    assert found[0] is found[1]
    assert float(found[0]) >= 7
    assert found[0].dtype == torch.float64


@pytest.mark.parametrize(
    ("name", "state", "value"),
    [
        ("Factored", "row_velocity", torch.ones(7, dtype=torch.float64)),
        ("Covered", "column_cover", torch.ones(4, 3, dtype=torch.float64)),
        ("Trust", "ratio", torch.ones(1, dtype=torch.float64)),
        ("Learned", "distance", torch.ones(2, dtype=torch.float64)),
    ],
)
def test_a_state_of_another_shape_is_refused(name: str, state: str, value: torch.Tensor) -> None:
    params = params_of((4, 3))
    optimizer = kind_of(name)(params)
    run(optimizer, params, range(2))
    saved = optimizer.state_dict()
    saved["state"][0][state] = value
    other = kind_of(name)(params, lr=0.3)
    with pytest.raises(ValueError, match=f"the state {state} of parameter 0.0 has shape"):
        other.load_state_dict(saved)
    assert other.param_groups[0]["lr"] == 0.3
    assert not other.state


@pytest.mark.parametrize("name", ["Trust", "Factored"])
def test_a_missing_gradient_leaves_the_numbers_of_a_parameter(name: str) -> None:
    params = params_of((4, 3), (5,))
    optimizer = kind_of(name)(params)
    run(optimizer, params, range(2))
    kept = tensors(optimizer, params[:1])
    params[1].grad = torch.ones(5)
    params[0].grad = None
    loss = optimizer.step(lambda: 3.5)
    assert loss == 3.5
    assert_equal(kept, tensors(optimizer, params[:1]))


def test_a_replaced_vector_is_updated_in_place() -> None:
    params = params_of((4, 3))
    optimizer = kind_of("Covered")(params)
    run(optimizer, params, range(1))
    own = torch.full((4,), 9.0, dtype=torch.float64)
    optimizer.state[params[0]]["row_cover"] = own
    run(optimizer, params, range(1, 2))
    assert optimizer.state[params[0]]["row_cover"] is own
    # Where the columns' sums are the smaller ones, they count.
    assert np.all(own.numpy() < 9)
