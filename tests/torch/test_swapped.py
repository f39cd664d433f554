"""Parameters that are swapped after an optimizer was made, as engines for shards do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import torch
from accelerate.utils.fsdp_utils import fsdp2_switch_optimizer_parameters
from torch import distributed
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

import optgen.torch as fused
from tests.torch.training import assert_equal, gradients, network, params_of, run

Tensor = torch.Tensor
MODULES = (torch.optim, fused)


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeviceMesh]:
    """One process, as a group of one."""
    file = tmp_path_factory.mktemp("group") / "store"
    distributed.init_process_group("gloo", init_method=f"file://{file}", rank=0, world_size=1)
    try:
        yield DeviceMesh("cpu", [0])
    finally:
        distributed.destroy_process_group()


def learn(model: torch.nn.Module, optimizer: Any, steps: int) -> None:
    for number in range(steps):
        inputs = torch.randn(8, 6, generator=torch.Generator().manual_seed(number))
        optimizer.zero_grad()
        model(inputs).square().mean().backward()
        optimizer.step()


def whole(model: torch.nn.Module) -> list[Tensor]:
    found = [param.detach() for param in model.parameters()]
    return [param.full_tensor() if isinstance(param, DTensor) else param for param in found]


def accelerated(model: torch.nn.Module, optimizer: Any, mesh: DeviceMesh) -> None:
    """What accelerate does: placeholders while a model is sharded, then the new parameters."""
    before = {name: param.data_ptr() for name, param in model.named_parameters()}
    for group in optimizer.param_groups:
        for place, param in enumerate(group["params"]):
            group["params"][place] = torch.empty(1, dtype=param.dtype, device=param.device)
            group["params"][place].data_ptr = param.data_ptr()
    fully_shard(model, mesh=mesh)
    mapping = {before[name]: param for name, param in model.named_parameters()}
    fsdp2_switch_optimizer_parameters(optimizer, mapping)


def replaced(model: torch.nn.Module, optimizer: Any, mesh: DeviceMesh) -> None:
    """New objects in the module and in the groups."""
    for layer in model.children():
        for name, param in [*layer.named_parameters()]:
            new = torch.nn.Parameter(param.detach().clone())
            setattr(layer, name, new)
            for group in optimizer.param_groups:
                group["params"] = [new if own is param else own for own in group["params"]]


def moved(model: torch.nn.Module, optimizer: Any, mesh: DeviceMesh) -> None:
    """Other memory for the same objects."""
    for param in model.parameters():
        param.data = param.data.clone()


@pytest.mark.parametrize("steps_before", [0, 2])
@pytest.mark.parametrize("swap", [accelerated, replaced, moved])
def test_the_next_step_is_made_on_what_came_in(
    swap: Callable[..., None], steps_before: int, mesh: DeviceMesh
) -> None:
    """With torch's class, too, new parameters begin anew, and names stay."""
    found = []
    for module in MODULES:
        model = network(torch.float32)
        optimizer = module.AdamW(model.named_parameters(), lr=0.05)
        learn(model, optimizer, steps_before)
        swap(model, optimizer, mesh)
        learn(model, optimizer, 3)
        ages = [float(optimizer.state[param]["step"]) for param in model.parameters()]
        found.append((whole(model), ages, optimizer.param_groups[0]["param_names"]))
    torch.testing.assert_close(found[1][0], found[0][0], rtol=1e-5, atol=1e-6)
    assert found[1][1:] == found[0][1:]


def test_rules_and_routing_keep_the_names_of_swapped_parameters(mesh: DeviceMesh) -> None:
    model = network(torch.float32)
    rules = {"*bias": {"weight_decay": 0}}
    optimizer = fused.AdamW(model.named_parameters(), lr=0.05, rules=rules)
    accelerated(model, optimizer, mesh)
    learn(model, optimizer, 1)
    assert [one.path for one in optimizer.routing()] == [
        *("0.weight", "2.weight", "0.bias", "2.bias"),
    ]


def test_states_move_to_the_shards_of_their_parameter(mesh: DeviceMesh) -> None:
    """A run that is sharded in the middle goes on as if it had been all along."""
    (plain,), (other,) = params_of((4, 3)), params_of((4, 3))
    optimizer, beside = fused.Adam([plain]), fused.Adam([other])
    run(optimizer, [plain], range(2))
    run(beside, [other], range(2))

    def spread(tensor: Tensor) -> Any:
        return distribute_tensor(tensor.detach(), mesh, [Shard(0)])

    new = torch.nn.Parameter(spread(plain))
    with pytest.raises(ValueError, match="must be spread over processes just as the parameter is"):
        optimizer.replace(plain, new)
    state = optimizer.state[plain]
    state.update({name: spread(state[name]) for name in ("exp_avg", "exp_avg_sq")})
    del optimizer.state[plain]
    optimizer.state[new] = state
    optimizer.param_groups[0]["params"][0] = new
    for number in (2, 3):
        gradients([other], number)
        new.grad = spread(cast(Tensor, other.grad))
        optimizer.step()
        beside.step()
    assert_equal([new.full_tensor()], [other])  # type: ignore[attr-defined]


def test_rows_of_a_parameter_in_shards_are_not_cut(mesh: DeviceMesh) -> None:
    param = torch.nn.Parameter(distribute_tensor(torch.ones(4, 3), mesh, [Shard(0)]))
    optimizer = fused.Adam([param])
    param.grad = torch.ones_like(param)
    optimizer.step()
    for cut in (lambda: optimizer.reset(param, [0]), lambda: optimizer.prune(param, [0])):
        with pytest.raises(ValueError, match="is spread over processes, and so are its states"):
            cut()
    optimizer.reset(param)
    optimizer.step()
    assert float(optimizer.state[param]["step"]) == 1
