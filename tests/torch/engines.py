"""What a rank does under engines that divide parameters; a module of its own too."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import Replicate, distribute_tensor
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    parallelize_module,
)

import optgen.torch as fused
from tests.torch.sharding import processes

RANKS, STEPS, MOST = 4, 4, 0.05
THEIRS, OURS = torch.optim.AdamW, fused.AdamW
GIVEN: dict[str, Any] = {"lr": 0.02, "weight_decay": 0.1}
STATES = ("exp_avg", "exp_avg_sq")
#: The states of a run are saved in one storage, and loaded into another.
STORED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "narrower": ({}, {"state_dtype": "bfloat16"}),
    "wider": ({"state_dtype": "bfloat16"}, {}),
    "split": ({"rounding": "split"}, {"rounding": "split"}),
    "a byte": ({"rounding": "split8"}, {"rounding": "split8"}),
}
Engine = Callable[[nn.Module, Any], Any]


def network() -> nn.Sequential:
    """Rows that ranks divide evenly, and fewer than ranks: some have no element."""
    torch.manual_seed(0)
    layers = nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 1)
    return nn.Sequential(*layers)


def in_shards(model: nn.Module, line: Any) -> Any:
    return fully_shard(model, mesh=line)


def in_layers(model: nn.Module, line: Any) -> Any:
    for layer in model.children():
        if isinstance(layer, nn.Linear):
            fully_shard(layer, mesh=line)
    return fully_shard(model, mesh=line)


def mixed(model: nn.Module, line: Any) -> Any:
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    return fully_shard(model, mesh=line, mp_policy=policy)


def frozen(model: nn.Module, line: Any) -> Any:
    layers = [*model.children()]
    for param in layers[2].parameters():
        param.requires_grad_(False)
    return fully_shard(model, mesh=line)


def ignoring(model: nn.Module, line: Any) -> Any:
    """Parameters that the engine leaves alone: each rank has them, and their gradients differ."""
    ignored = {*[*model.children()][2].parameters()}
    for param in ignored:
        param.register_post_accumulate_grad_hook(_averaged)  # type: ignore[no-untyped-call]
    return fully_shard(model, mesh=line, ignored_params=ignored)


def _averaged(param: torch.Tensor) -> None:
    assert param.grad is not None
    distributed.all_reduce(param.grad)
    param.grad /= distributed.get_world_size()


_WITHIN = {"0": ColwiseParallel(), "2": RowwiseParallel()}


def within_layers(model: nn.Module, line: Any) -> Any:
    """Tensor parallel; the last layer is everywhere."""
    return parallelize_module(model, line, _WITHIN)


def in_copies(model: nn.Module, grid: Any) -> Any:
    return fully_shard(model, mesh=grid)


def in_both(model: nn.Module, grid: Any) -> Any:
    """Tensor parallel along one dimension of the grid, and shards along the other."""
    parallelize_module(model, grid["parts"], _WITHIN)
    return fully_shard(model, mesh=grid["copies"])


#: Engines, each with whether it takes a grid, and the dimension along which batches are divided.
ENGINES: dict[str, tuple[Engine, bool, str]] = {
    "shards": (in_shards, False, "all"),
    "layers": (in_layers, False, "all"),
    "mixed precision": (mixed, False, "all"),
    "frozen": (frozen, False, "all"),
    "ignored": (ignoring, False, "all"),
    "copies": (in_copies, True, "all"),
    "tensor parallel": (within_layers, False, "none"),
    "both": (in_both, True, "copies"),
}
#: How gradients are clipped: by torch's function, or by ours beside one that is written out.
CLIPPED = ("not", "torch's", "ours")
#: Engines that are tried with each of these; the others with ours, which knows how they divide.
FULLY = ("mixed precision", "copies")


def full(tensor: Any) -> torch.Tensor:
    if tensor.dtype is torch.int16:
        # gloo, as NCCL, has no integers of 16 bits.
        return full(tensor.int()).short()
    found: torch.Tensor = getattr(tensor, "full_tensor", lambda: tensor)()
    return found.detach().clone()


def trained(name: str, kind: Any, clipped: str, meshes: tuple[Any, Any]) -> list[torch.Tensor]:
    """Parameters after some steps on shares of the same batches."""
    engine, has_grid, how = ENGINES[name]
    line, grid = meshes
    model = engine(network(), grid if has_grid else line)
    share, shares = {
        "all": (distributed.get_rank(), RANKS),
        "copies": (grid.get_local_rank("copies"), 2),
        "none": (0, 1),
    }[how]
    # Torch's loops over lists of tensors take no mixtures of DTensors and others.
    own: dict[str, Any] = {"foreach": False} if kind is THEIRS else {}
    if clipped == "ours" and kind is OURS:
        own["global_clipnorm"] = MOST
    optimizer = kind(model.parameters(), **GIVEN, **own)
    draw = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        inputs, targets = torch.randn(8, 6, generator=draw), torch.randn(8, 1, generator=draw)
        optimizer.zero_grad()
        found = model(inputs[share::shares])
        ((found - targets[share::shares].to(found.dtype)) ** 2).mean().backward()
        grads = [param.grad for param in model.parameters() if param.grad is not None]
        if clipped == "torch's":
            torch.nn.utils.clip_grad_norm_(model.parameters(), MOST)
        elif clipped == "ours" and kind is THEIRS:
            norm = torch.stack([full(grad).double().square().sum() for grad in grads]).sum().sqrt()
            for grad in grads:
                grad.mul_(min(1.0, MOST / float(norm)))
        optimizer.step()
    return [full(param) for param in model.parameters()]


def check_engines(meshes: tuple[Any, Any]) -> None:
    """Under each engine, our class does what torch's does."""
    for name in ENGINES:
        for clipped in CLIPPED:
            if clipped != "ours" and name not in FULLY:
                continue
            theirs, ours = (trained(name, kind, clipped, meshes) for kind in (THEIRS, OURS))
            start = [param.detach() for param in network().parameters()]
            moved = [not torch.equal(*pair) for pair in zip(ours, start, strict=True)]
            assert moved == [name != "frozen" or k not in (2, 3) for k in range(6)], name
            for one, other in zip(ours, theirs, strict=True):
                close = torch.allclose(one, other, rtol=1e-5, atol=1e-6)
                assert close, (name, clipped, one, other)


def check_bulk(line: Any) -> None:
    """Gradients are read in bulk once an engine gives the same placements, and only as they fit."""
    model = network()
    fully_shard(model, mesh=line)
    optimizer = OURS(model.parameters(), **GIVEN)
    other = network()
    theirs = THEIRS(other.parameters(), **GIVEN)

    def step(change: Callable[[], None] = lambda: None) -> bool:
        theirs.zero_grad()
        optimizer.zero_grad()
        for one in (model, other):
            one(torch.ones(4, 6)).sum().backward()
        change()
        spread = optimizer._current().reader._spread
        assert spread is not None
        is_whole = spread.gradients() is not None
        optimizer.step()
        theirs.step()
        for mine, his in zip(model.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(full(mine), his.detach(), rtol=1e-5, atol=1e-6)
        return is_whole

    first, second = [*model.parameters()][:2]

    def spread_otherwise() -> None:
        first.grad = first.grad.redistribute(line, [Replicate()])  # type: ignore[union-attr]

    def left_out() -> None:
        for param in (second, [*other.parameters()][1]):
            param.grad = None

    assert [step(), step(), step()] == [False, True, True]
    assert not step(spread_otherwise)
    assert not step(left_out)
    assert step()
    # What is here of a parameter may be replaced, and is trained from then on.
    before = first._local_tensor  # type: ignore[attr-defined]
    first._local_tensor = before.clone()  # type: ignore[attr-defined]
    step()
    assert not torch.equal(before, first._local_tensor)  # type: ignore[attr-defined]


def halved(ranks: int, arguments: dict[str, Any]) -> tuple[Any, Any]:
    """A model of half precision, in shards if there are several processes."""
    model = network().bfloat16()
    if ranks > 1:
        fully_shard(model)
    return model, OURS(model.parameters(), **GIVEN, **arguments)


def give_gradients(model: Any, step: int) -> None:
    """The same gradients for any number of processes."""
    draw = torch.Generator().manual_seed(step)
    for param in model.parameters():
        whole = torch.randn(param.shape, generator=draw).to(param.dtype)
        param.grad = whole
        if hasattr(param, "device_mesh"):
            place = param.device_mesh, param.placements
            param.grad = distribute_tensor(whole, *place)


def held(model: nn.Module, optimizer: Any) -> list[torch.Tensor]:
    """Whole parameters and states, with what rounding has taken from parameters."""
    params = [*model.parameters()]
    found = [full(param) for param in params]
    for param in params:
        own = optimizer.state[param]
        found += [full(own[name]) for name in (*STATES, "remainder") if name in own]
    return found


def write(folder: Path, ranks: int) -> None:
    """Save runs in each storage, and what they hold."""
    for title, (saved, _) in STORED.items():
        model, optimizer = halved(ranks, saved)
        for step in range(STEPS):
            give_gradients(model, step)
            optimizer.step()
        own, state = get_state_dict(model, optimizer)
        save({"model": own, "optimizer": state}, checkpoint_id=str(folder / title))
        found = held(model, optimizer)
        if distributed.get_rank() == 0:
            torch.save(found, folder / f"{title}.pt")


def read(folder: Path, ranks: int) -> dict[str, list[torch.Tensor]]:
    """What other processes hold of these runs, each in its other storage, and after more steps."""
    found = {}
    for title, (_, loaded) in STORED.items():
        model, optimizer = halved(ranks, loaded)
        own, state = get_state_dict(model, optimizer)
        read: dict[str, Any] = {"model": own, "optimizer": state}
        load(read, checkpoint_id=str(folder / title))
        given = {"model_state_dict": read["model"], "optim_state_dict": read["optimizer"]}
        set_state_dict(model, optimizer, **given)
        found[title] = held(model, optimizer)
        for step in range(STEPS, STEPS + 2):
            give_gradients(model, step)
            optimizer.step()
        found[f"{title}, later"] = held(model, optimizer)
    return found


def rank(number: int, folder: Path) -> None:
    """All runs in four processes; two of them read what these saved."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    with processes(folder, "four", number, RANKS):
        names = ("copies", "parts")
        grid = init_device_mesh("cpu", (2, 2), mesh_dim_names=names)
        line = init_device_mesh("cpu", (RANKS,))
        check_engines((line, grid))
        check_bulk(line)
        write(folder, RANKS)
    if number < 2:
        with processes(folder, "two", number, 2):
            torch.save(read(folder, 2), folder / f"read by {number}.pt")
