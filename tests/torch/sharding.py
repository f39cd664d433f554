"""What a rank does with parameters that are spread over processes; a module of its own too."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

import optgen.torch as fused
from optgen.torch import FusedOptimizer, optimizer_class
from tests.torch.layouts import distributed_layouts, laid_out, refuse_a_sum
from tests.torch.training import network
from tests.torch.workers import STEPS, learn

RANKS, HALF = 4, STEPS // 2
ADAM_S = ("exp_avg", "exp_avg_sq")
#: A user's rule with means and norms of gradients, parameters and what is made of them.
LAYERWISE = """
name = "Layerwise"
[hyperparameters]
learning_rate = { default = 0.01 }
[state]
direction = {}
[update]
rule = '''
direction = 0.9*direction + grad - mean(grad)
size = norm(param)
length = norm(direction)
ratio = where(min(size, length) > 0, size/length, 1)
reach = largest(direction) - smallest(direction)
param = param - learning_rate*ratio*direction/(1 + reach)
'''
"""
#: A user's rule with random numbers, those of the element in the whole parameter.
NOISY = """
name = "Noisy"
[hyperparameters]
learning_rate = { default = 0.01 }
[update]
rule = '''
param = param - learning_rate*(grad + normal())
'''
"""
#: Rules that are built for the test; the others have numbers, or rows and columns.
OWN = ("Layerwise", "Noisy", "Learned", "Factored", "Covered")
#: Runs that need to know sums over whole parameters, or over all of them.
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "joint": ("Adam", {"lr": 0.05, "global_clipnorm": 0.3}),
    "each": ("Adam", {"lr": 0.05, "clipnorm": 0.2}),
    "layerwise": ("Layerwise", {"lr": 0.02}),
    "learned": ("Learned", {"lr": 0.5}),
    "factored": ("Factored", {"lr": 0.02}),
    "noisy": ("Noisy", {"lr": 0.02}),
    "operations": ("Adam", {"lr": 0.05, "global_clipnorm": 0.3, "backend": "torch"}),
    "factored operations": ("Adafactor", {"lr": 0.05, "backend": "torch"}),
}
#: Rules that update parameters of all layouts.
LAID_OUT = {
    "layouts": "Layerwise",
    "learned layouts": "Learned",
    "factored layouts": "Factored",
    "covered layouts": "Covered",
    "noisy layouts": "Noisy",
}
#: A run that is broken off between two calls that belong to one update.
BROKEN = {"lr": 0.05, "global_clipnorm": 0.3, "gradient_accumulation_steps": 2, "use_ema": True}


def kind_of(name: str, folder: Path) -> Any:
    """A class of ours, or that of a rule which was built in the folder."""
    if name not in OWN:
        return getattr(fused, name)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return optimizer_class(getattr(importlib.import_module("own_package"), name))


@contextmanager
def processes(folder: Path, name: str, number: int, ranks: int) -> Iterator[None]:
    """A group of processes that meet in a file."""
    place = f"file://{folder / name}"
    distributed.init_process_group("gloo", init_method=place, rank=number, world_size=ranks)
    yield
    distributed.destroy_process_group()


def whole(model: Any) -> list[torch.Tensor]:
    return [getattr(p, "full_tensor", lambda p=p: p)().detach() for p in model.parameters()]


def train(kind: Any, arguments: dict[str, Any], mesh: Any, number: int) -> list[torch.Tensor]:
    """Parameters after all steps; the norm must be the one that torch takes of the gradients."""
    model = network(torch.float32)
    fully_shard(model, mesh=mesh)
    optimizer = kind(model.parameters(), **arguments)
    learn(model, optimizer, number, RANKS, range(STEPS))
    if optimizer.gradient_norm is not None:
        norm: Any = torch.nn.utils.get_total_norm([p.grad for p in model.parameters()])  # type: ignore[misc]
        torch.testing.assert_close(float(norm.full_tensor()), optimizer.gradient_norm)
        norms = [torch.empty((), dtype=torch.float64) for _ in range(RANKS)]
        distributed.all_gather(norms, torch.tensor(optimizer.gradient_norm, dtype=torch.float64))
        assert len(set(map(float, norms))) == 1
    assert_same_numbers(optimizer, [*model.parameters()])
    return whole(model)


def assert_same_numbers(optimizer: Any, params: list[Any]) -> None:
    """All processes have the same bits of the states that are numbers."""
    states = [value for param in params for value in optimizer.state[param].values()]
    numbers = torch.stack([v for v in states if v.dim() == 0 and v.dtype == torch.float64])
    found = [torch.empty_like(numbers) for _ in range(RANKS)]
    distributed.all_gather(found, numbers)
    assert all(torch.equal(one, numbers) for one in found)


def begin(path: Path, number: int, ranks: int) -> None:
    """Train half, and save it in shards."""
    model = network(torch.float32)
    fully_shard(model)
    optimizer = fused.Adam(model.parameters(), **BROKEN)
    learn(model, optimizer, number, ranks, range(HALF))
    model_state, state = get_state_dict(model, optimizer)
    save({"model": model_state, "optimizer": state}, checkpoint_id=str(path))


def go_on(path: Path, number: int, ranks: int) -> list[torch.Tensor]:
    """Train the other half of what any number of processes saved."""
    model = network(torch.float32)
    if ranks > 1:
        fully_shard(model)
    optimizer: FusedOptimizer = fused.Adam(model.parameters(), **BROKEN | {"lr": 0.01})
    model_state, state = get_state_dict(model, optimizer)
    found: dict[str, Any] = {"model": model_state, "optimizer": state}
    load(found, checkpoint_id=str(path))
    set_state_dict(
        model, optimizer, model_state_dict=found["model"], optim_state_dict=found["optimizer"]
    )
    assert optimizer.param_groups[0]["lr"] == 0.05
    learn(model, optimizer, number, ranks, range(HALF, STEPS))
    optimizer.finalize()
    return whole(model)


def halved(ranks: int) -> tuple[Any, FusedOptimizer]:
    """A model with parameters and states of half precision, in shards."""
    model = network(torch.bfloat16)
    if ranks > 1:
        fully_shard(model)
    return model, fused.Adam(model.parameters(), lr=0.05, state_dtype="bfloat16")


def states_of(model: Any, optimizer: FusedOptimizer) -> list[torch.Tensor]:
    """The whole states of all parameters."""
    found = [optimizer.state[param][n] for param in model.parameters() for n in ADAM_S]
    return [getattr(state, "full_tensor", lambda state=state: state)() for state in found]


def resumed(path: Path, ranks: int) -> tuple[Any, FusedOptimizer]:
    """A model and its optimizer from a checkpoint of any number of processes."""
    model, optimizer = halved(ranks)
    model_state, state = get_state_dict(model, optimizer)
    found: dict[str, Any] = {"model": model_state, "optimizer": state}
    load(found, checkpoint_id=str(path))
    own = {"model_state_dict": found["model"], "optim_state_dict": found["optimizer"]}
    set_state_dict(model, optimizer, **own)
    return model, optimizer


def break_off_in_halves(folder: Path, number: int) -> None:
    """A run of half precision goes on from a checkpoint with the same bits."""
    straight, optimizer = halved(RANKS)
    learn(straight, optimizer, number, RANKS, range(HALF))
    model_state, state = get_state_dict(straight, optimizer)
    save({"model": model_state, "optimizer": state}, checkpoint_id=str(folder / "halves"))
    weights, states = whole(straight), states_of(straight, optimizer)
    assert {state.dtype for state in states} == {torch.bfloat16}
    if number == 0:
        torch.save([*weights, *states], folder / "halves.pt")
    broken, again = resumed(folder / "halves", RANKS)
    assert_bits(states_of(broken, again), states)
    for model, one in ((straight, optimizer), (broken, again)):
        learn(model, one, number, RANKS, range(HALF, STEPS))
    assert_bits(whole(broken), whole(straight))
    assert_bits(states_of(broken, again), states_of(straight, optimizer))


def assert_bits(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


def assert_halves(folder: Path, ranks: int) -> None:
    """Other processes find all bits of the checkpoint."""
    model, optimizer = resumed(folder / "halves", ranks)
    expected = torch.load(folder / "halves.pt", weights_only=True)
    assert_bits([*whole(model), *states_of(model, optimizer)], expected)


def rank(number: int, folder: Path) -> None:
    """All runs in shards; what they end with is written down."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    found: dict[str, list[torch.Tensor]] = {}
    with processes(folder, "first", number, RANKS):
        line = init_device_mesh("cpu", (RANKS,))
        grid = init_device_mesh("cpu", (2, 2), mesh_dim_names=("copies", "parts"))
        for name, (kind, arguments) in RUNS.items():
            found[name] = train(kind_of(kind, folder), arguments, line, number)
        kind, arguments = RUNS["joint"]
        found["joint, in copies"] = train(kind_of(kind, folder), arguments, grid, number)
        for title, kind in LAID_OUT.items():
            found[title] = laid_out(kind_of(kind, folder), distributed_layouts(grid))
        refuse_a_sum(grid)
        begin(folder / "of four", number, RANKS)
        break_off_in_halves(folder, number)
    if number < 2:
        with processes(folder, "second", number, 2):
            found["broken off, from four to two"] = go_on(folder / "of four", number, 2)
            begin(folder / "of two", number, 2)
            assert_halves(folder, 2)
    with processes(folder, "third", number, RANKS):
        found["broken off, from two to four"] = go_on(folder / "of two", number, RANKS)
    torch.save(found, folder / f"{number}.pt")
