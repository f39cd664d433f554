"""States of torch's optimizers go on: through files, copies, and from torch's own."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_state_dict,
    set_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save

import optgen.torch as fused
from optgen.torch import FusedOptimizer
from tests.torch.training import (
    WITH_STATE,
    assert_equal,
    every,
    gradients,
    network,
    params_of,
    run,
    values,
)


@every
def test_the_state_goes_on_through_a_file(kind: type[FusedOptimizer], tmp_path: Path) -> None:
    straight, broken = params_of((4, 3), (5,)), params_of((4, 3), (5,))
    one, other = kind(straight, lr=0.05), kind(broken, lr=0.05)
    run(one, straight, range(6))
    run(other, broken, range(3))
    torch.save(other.state_dict(), tmp_path / "state.pt")
    again = kind(broken, lr=0.5)
    again.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert again.param_groups[0]["lr"] == 0.05
    run(again, broken, range(3, 6))
    assert_equal(values(straight), values(broken))


@every
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_on_alike(kind: type[FusedOptimizer], copied: Callable[[Any], Any]) -> None:
    params = params_of((4, 3))
    optimizer = kind(params, lr=0.05)
    run(optimizer, params, range(2))
    # Parameters are copied with it, as in a checkpoint of a whole run.
    twin_params, twin = copied((params, optimizer))
    run(optimizer, params, range(2, 5))
    run(twin, twin_params, range(2, 5))
    assert_equal(values(params), values(twin_params))


@pytest.mark.parametrize("kind", WITH_STATE.values(), ids=WITH_STATE)
def test_a_state_of_other_shapes_is_refused(kind: type[FusedOptimizer]) -> None:
    params, others = params_of((4,)), params_of((5,))
    one, other = kind(params, lr=0.1), kind(others, lr=0.2)
    run(one, params, range(2))
    with pytest.raises(ValueError, match="shape"):
        other.load_state_dict(one.state_dict())
    assert other.param_groups[0]["lr"] == 0.2


def test_states_of_torch_s_own_optimizers_go_on_here() -> None:
    theirs, ours = params_of((4, 3)), params_of((4, 3))
    one, other = torch.optim.Adam(theirs, lr=0.05), fused.Adam(ours, lr=0.05)
    for number in range(3):
        gradients(theirs, number)
        one.step()
    ours[0].data.copy_(theirs[0].detach())
    other.load_state_dict(one.state_dict())
    for number in range(3, 6):
        gradients(theirs, number)
        gradients(ours, number)
        one.step()
        other.step()
    torch.testing.assert_close(theirs[0], ours[0], rtol=1e-6, atol=1e-6)


def test_a_buffer_of_bytes_holds_a_state_too() -> None:
    params = params_of((4,))
    optimizer = fused.Adam(params)
    run(optimizer, params, range(1))
    buffer = io.BytesIO()
    torch.save(optimizer.state_dict(), buffer)
    buffer.seek(0)
    assert torch.load(buffer, weights_only=True)["state"][0]["step"] == 1


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
@pytest.mark.parametrize("flat", [False, True])
def test_torch_s_distributed_checkpoints_keep_calls_and_precision(
    *, flat: bool, tmp_path: Path
) -> None:
    """Saved between two calls that belong to one update."""
    options = StateDictOptions(flatten_optimizer_state_dict=flat)
    modules = network(torch.bfloat16), network(torch.bfloat16)
    one, other = (
        fused.Adam(module.parameters(), lr=lr, gradient_accumulation_steps=2)
        for module, lr in zip(modules, (0.05, 0.5), strict=True)
    )
    straight: list[torch.Tensor] = list(modules[0].parameters())
    broken: list[torch.Tensor] = list(modules[1].parameters())
    run(one, straight, range(5))
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
    run(one, straight, range(5, 10))
    run(other, broken, range(5, 10))
    assert_equal(values(straight), values(broken))


@pytest.mark.parametrize("kind", [fused.SGD, fused.Adagrad])
def test_states_of_another_rule_are_refused(kind: type[FusedOptimizer]) -> None:
    theirs, params = params_of((3,)), params_of((3,))
    other: Any = torch.optim.Adam(theirs)
    own = kind(params)
    run(other, theirs, range(1))
    run(own, params, range(1))
    before = copy.deepcopy(own.state_dict())
    with pytest.raises(ValueError, match=r"no states exp_avg, exp_avg_sq.*convert"):
        own.load_state_dict(other.state_dict())
    assert_equal([*own.state[params[0]].values()], [*before["state"].get(0, {}).values()])
