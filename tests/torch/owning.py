"""What a rank does with matrices in parts; a module of its own, since ranks import it."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import distributed
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    get_state_dict,
    set_optimizer_state_dict,
    set_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

import optgen
import optgen.torch as fused
from optgen import optimizers
from optgen.torch import exchange, optimizer_class
from optgen.torch.distributed import local
from tests.torch.sharding import processes, whole
from tests.torch.training import network
from tests.torch.workers import learn

with warnings.catch_warnings():
    # Torch compiles functions there in a way that it deprecates itself.
    warnings.simplefilter("ignore", DeprecationWarning)
    from torch.distributed.optim import ZeroRedundancyOptimizer

STEPS, PART = 4, 1
#: Ways to train a network together.
HOW = ("parts", "copies", "zero")
Found = list[torch.Tensor]
Placing = Callable[[torch.Tensor], Any]
#: The last parameter but one is in a group without matrices; one is of half precision.
SHAPES = ((6, 4), (4, 6), (3, 7), (7,), (2, 4, 3), (6, 4), (9, 4), (8, 5))
#: Squares of both sides, sums over all variables that follow from products, and every other
#: shape of states.
JOINT = """
name = "Joint"
[hyperparameters]
learning_rate = { default = 0.01 }
[matrix]
view = "last two"
[state]
left = { shape = "short by short", when = "matrix" }
of_rows = { shape = "rows", when = "matrix" }
size = { shape = "tensor" }
length = { shape = "optimizer" }
[update]
rule = '''
if matrix:
    left = 0.5*left + gram(grad)
    x = grad/(norm(grad) + 1e-7)
    x = 1.5*x - 0.5*gram(x) @ x
    of_rows = 0.5*of_rows + row_mean(x**2)
    move = left @ x / (1 + of_rows)
else:
    move = grad
size = 0.5*size + norm(move)
length = 0.5*length + global_norm(move)
change = learning_rate*move/(1 + length)/(1 + size)
'''
"""
#: Rules, and options: joint norms, averages, sums of gradients, random numbers, second points.
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "Muon": ("Muon", {}),
    "Muon, clipped": ("Muon", {"global_clipnorm": 1.0}),
    "SOAP": ("SOAP", {"use_ema": True}),
    "Shampoo": ("Shampoo", {"gradient_accumulation_steps": 2}),
    "Kron": ("Kron", {}),
    "Joint": ("Joint", {}),
    "perturbed": ("Sharp", {"sam_radius": 0.1}),
}
#: Those that have together what copies change: joint norms, sums of gradients, all shapes.
OF_COPIES = ("Muon, clipped", "Shampoo", "Joint")


def kind_of(name: str, folder: Path) -> Any:
    if name == "Joint":
        return optimizer_class(optgen.compile(str(folder / "joint.toml")))
    if name == "Sharp":
        return optimizer_class(optgen.compile("kerasmuon", "sam"))
    if name == "Muon":
        return fused.Muon
    return optimizer_class(getattr(optimizers, name))


def params_of(place: Placing) -> list[Any]:
    draw = torch.Generator().manual_seed(1)
    found = [torch.randn(shape, generator=draw) for shape in SHAPES]
    found[5] = found[5].bfloat16()
    return [place(param).requires_grad_() for param in found]


def set_gradients(params: list[Any], place: Placing, step: int) -> None:
    draw = torch.Generator().manual_seed(step)
    for param in params:
        param.grad = place(torch.randn(param.shape, generator=draw).to(param.dtype))


def made(kind: Any, params: list[Any], **arguments: Any) -> Any:
    groups = [{"params": params[:-2]}, {"params": params[-2:-1], "matrix": False}]
    return kind([*groups, {"params": params[-1:]}], lr=0.02, **arguments)


def trained(kind: Any, place: Placing, arguments: dict[str, Any], what: str) -> Found:
    """Parameters, averages and states; after the first step, a new optimizer goes on."""
    params = params_of(place)
    optimizer = made(kind, params, **arguments)
    for step in range(STEPS):
        if step == PART:
            state, optimizer = optimizer.state_dict(), made(kind, params, **arguments)
            optimizer.load_state_dict(state)
        if what == "perturbed":
            set_gradients(params, place, STEPS + step)
            optimizer.perturb()
        set_gradients(params, place, step)
        optimizer.step()
    found = [full(param) for param in params]
    if "global_clipnorm" in arguments:
        found.append(torch.tensor(optimizer.gradient_norm, dtype=torch.float64))
    if arguments.get("use_ema"):
        with optimizer.averaged():
            found += [full(param) for param in params]
    states = optimizer.state_dict()["state"]
    return found + [full(states[k][name]) for k in states for name in sorted(states[k])]


def full(value: Any) -> torch.Tensor:
    found: torch.Tensor = getattr(value, "full_tensor", lambda: value)()
    return found.detach().clone()


def runs(place: Placing, folder: Path, chosen: Iterable[str] = RUNS) -> dict[str, Found]:
    found = {}
    for what in chosen:
        kind, arguments = RUNS[what]
        found[what] = trained(kind_of(kind, folder), place, arguments, what)
    return found


def in_parts(mesh: Any, axis: int) -> Placing:
    """What divides a tensor along an axis, if it has that many; replicas are along others."""

    def place(tensor: torch.Tensor) -> Any:
        copies = [Replicate()] * (mesh.ndim - 1)
        return distribute_tensor(tensor, mesh, [*copies, Shard(min(axis, tensor.ndim - 1))])

    return place


def set_model_gradients(model: Any, steps: range, optimizer: Any) -> None:
    """Make steps with gradients that are the same for any number of processes."""
    for step in steps:
        draw = torch.Generator().manual_seed(step)
        for param in model.parameters():
            gradient = torch.randn(param.shape, generator=draw)
            if isinstance(param, DTensor):
                gradient = distribute_tensor(gradient, param.device_mesh, param.placements)
            param.grad = gradient
        optimizer.step()


def go_on(source: Path | None, target: Path, steps: range, ranks: int) -> Found:
    """Train with what any number of processes saved, and save it."""
    model = network(torch.float32)
    if ranks > 1:
        fully_shard(model)
    kind = kind_of("SOAP", target)
    optimizer = kind(model.parameters(), lr=0.02 if source is None else 0.5)
    if source is not None:
        model_state, state = get_state_dict(model, optimizer)
        found: dict[str, Any] = {"model": model_state, "optimizer": state}
        load(found, checkpoint_id=str(source))
        set_state_dict(
            model, optimizer, model_state_dict=found["model"], optim_state_dict=found["optimizer"]
        )
        assert optimizer.param_groups[0]["lr"] == 0.02
    set_model_gradients(model, steps, optimizer)
    model_state, state = get_state_dict(model, optimizer)
    if ranks > 1:
        save({"model": model_state, "optimizer": state}, checkpoint_id=str(target))
        load_whole(kind, model, optimizer)
    return whole(model)


def load_whole(kind: Any, model: Any, optimizer: Any) -> None:
    """A whole state dictionary, which one process has, is the state of another optimizer."""
    everything = StateDictOptions(full_state_dict=True, cpu_offload=True)
    saved = get_optimizer_state_dict(model, optimizer, options=everything)
    other = kind(model.parameters(), lr=0.5)
    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
    for param in model.parameters():
        param.grad = None
    set_optimizer_state_dict(model, other, saved, options=options)
    for param in model.parameters():
        ours, theirs = other.state[param], optimizer.state[param]
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(local(ours[name]), local(theirs[name])) for name in ours)


def learned(kind: Any, how: str, number: int, ranks: int) -> Found:
    """A network trained on shares of batches, in parts or with copies of parameters."""
    model: Any = network(torch.float32)
    if how == "parts":
        fully_shard(model)
    elif ranks > 1:
        model = DistributedDataParallel(model)
    arguments: dict[str, Any] = {"lr": 0.01}
    if how == "zero":
        optimizer: Any = ZeroRedundancyOptimizer(model.parameters(), kind, **arguments)
    else:
        optimizer = kind(model.parameters(), **arguments)
    learn(model, optimizer, number, ranks, range(4))
    return whole(model)


def check_plan(mesh: Any) -> None:
    """The plan says what collectives a step makes, in buckets."""
    number, place, made_of = mesh.get_local_rank(), in_parts(mesh, 0), []
    params = params_of(place)
    optimizer = made(fused.Muon, params)
    real = distributed.all_to_all_single

    def recorded(target: Any, source: Any, received: Any, sent: Any, **other: Any) -> None:
        counts = (sum(c for k, c in enumerate(some) if k != number) for some in (sent, received))
        made_of.append(tuple(count * source.element_size() for count in counts))
        real(target, source, received, sent, **other)

    with patch.object(exchange, "BUCKET_BYTES", 200):
        plan = optimizer.sharding_plan()
        set_gradients(params, place, 0)
        with patch.object(distributed, "all_to_all_single", recorded):
            optimizer.step()
    assert made_of == [(one.sent[number], one.received[number]) for one in plan]
    assert len({one.bucket for one in plan}) > 2
    assert {name for one in plan for name in one.params} == {f"0.{k}" for k in (0, 1, 2, 4, 5)} | {
        "2.0"
    }
    assert len(str(plan).splitlines()) == len(plan) + 1


def check_memory(mesh: Any) -> None:
    """Each matrix has states in one process only."""
    params = params_of(in_parts(mesh, 0))
    optimizer = made(kind_of("Shampoo", Path()), params)
    set_gradients(params, in_parts(mesh, 0), 0)
    optimizer.step()
    for index in (0, 1, 2, 4, 5, 7):
        own = optimizer.state[params[index]]
        has = torch.tensor(any(value.dim() > 1 for value in own.values()), dtype=torch.int64)
        distributed.all_reduce(has)
        assert int(has) == 1
    copies, copied = copy.deepcopy((params, optimizer))
    for some, one in ((params, optimizer), (copies, copied)):
        set_gradients(some, in_parts(mesh, 0), 1)
        one.step()
    assert all(map(torch.equal, map(local, params), map(local, copies)))


def check_ages(mesh: Any) -> None:
    """Torch's class has no ages, and all processes count the update that its state has."""
    place = in_parts(mesh, 0)
    params = [place(torch.ones(shape)).requires_grad_() for shape in ((6, 4), (4, 6), (5, 5))]
    optimizer = fused.Muon(params)
    set_gradients(params, place, 0)
    optimizer.step()
    saved = optimizer.state_dict()
    for own in saved["state"].values():
        del own["step"]
    other = fused.Muon(params)
    other.load_state_dict(saved)
    assert [float(other.state[param]["step"]) for param in params] == [1.0] * 3


def check_refusals(grid: Any) -> None:
    """Matrices in parts along two dimensions, and those that are none after a first step."""
    param = distribute_tensor(torch.ones(4, 4), grid, [Shard(0), Shard(1)]).requires_grad_()
    with pytest.raises(ValueError, match=r"0\.0 has the placements .*Shard.*one dimension"):
        fused.Muon([param])
    fused.Muon([{"params": [param], "matrix": False}])
    place = in_parts(grid, 0)
    param = place(torch.ones(4, 4)).requires_grad_()
    optimizer = fused.Muon([param])
    param.grad = place(torch.ones(4, 4))
    optimizer.step()
    optimizer.param_groups[0]["matrix"] = False
    with pytest.raises(ValueError, match=r"the states of parameter 0\.0, a matrix"):
        optimizer.step()


def rank(number: int, folder: Path) -> None:
    """All runs; what they end with is written down."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    found: dict[str, dict[str, Found]] = {}
    with processes(folder, "four", number, 4):
        line = init_device_mesh("cpu", (4,))
        grid = init_device_mesh("cpu", (2, 2), mesh_dim_names=("copies", "parts"))
        found["four"] = runs(in_parts(line, 0), folder)
        found["copies of two"] = runs(in_parts(grid, 1), folder, OF_COPIES)
        found["saved"] = {"two": go_on(None, folder / "of four", range(2), 4)}
        check_refusals(grid)
        check_plan(line)
        check_memory(line)
        check_ages(line)
    if number < 2:
        with processes(folder, "two", number, 2):
            found["two"] = runs(in_parts(init_device_mesh("cpu", (2,)), 0), folder)
            found["saved"]["four"] = go_on(folder / "of four", folder / "of two", range(2, 4), 2)
            kind = kind_of("KerasMuon", folder)
            found["learned"] = {how: learned(kind, how, number, 2) for how in HOW}
    with processes(folder, "last", number, 4):
        saved = go_on(folder / "of two", folder / "of last", range(4, 6), 4)
        found["saved"]["six"] = saved
    torch.save(found, folder / f"{number}.pt")
