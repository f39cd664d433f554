"""What a rank does with parameters in shards whose states have codes."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    get_state_dict,
    set_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.placement_types import _StridedShard

import optgen.torch as fused
from optgen.runtime.codes import BLOCK
from tests.torch.sharding import assert_bits, processes, whole

RANKS, STEPS = 2, 6
NAMES = ("exp_avg", "exp_avg_sq")
#: Rows of whole blocks; rows that end inside of blocks; a vector; what is too small for codes.
SHAPES = {"even": (101, 128), "odd": (75, 99), "long": (5001,), "small": (7,)}
#: Without those whose blocks end where parts do.
EVEN = {name: shape for name, shape in SHAPES.items() if name in ("even", "small")}


def module(shapes: dict[str, tuple[int, ...]], ranks: int) -> torch.nn.Module:
    draw = torch.Generator().manual_seed(0)
    made = torch.nn.Module()
    for name, shape in shapes.items():
        setattr(made, name, torch.nn.Parameter(torch.randn(shape, generator=draw)))
    if ranks > 1:
        fully_shard(made)
    return made


def adam(model: torch.nn.Module, kind: str = "int8", **given: Any) -> Any:
    return fused.Adam(model.parameters(), lr=0.01, state_dtype=kind, **given)


def train(model: torch.nn.Module, optimizer: Any, steps: range) -> None:
    for number in steps:
        draw = torch.Generator().manual_seed(number + 1)
        for param in model.parameters():
            param.grad = spread(torch.randn(param.shape, generator=draw), param)
        optimizer.step()


def spread(tensor: torch.Tensor, param: Any) -> torch.Tensor:
    if not hasattr(param, "to_local"):
        return tensor
    return distribute_tensor(tensor, param.device_mesh, param.placements)


def states_of(model: torch.nn.Module, optimizer: Any) -> list[torch.Tensor]:
    found = [optimizer.state[param][name] for param in model.parameters() for name in NAMES]
    return [getattr(one, "full_tensor", lambda one=one: one)() for one in found]


def saved(model: torch.nn.Module, optimizer: Any, path: Path) -> None:
    model_state, state = get_state_dict(model, optimizer)
    save({"model": model_state, "optimizer": state}, checkpoint_id=str(path))


def loaded(model: torch.nn.Module, optimizer: Any, path: Path, *, is_decoded: bool = False) -> None:
    if is_decoded:
        with optimizer.decoded():
            model_state, state = get_state_dict(model, optimizer)
    else:
        model_state, state = get_state_dict(model, optimizer)
    found: dict[str, Any] = {"model": model_state, "optimizer": state}
    load(found, checkpoint_id=str(path))
    own = {"model_state_dict": found["model"], "optim_state_dict": found["optimizer"]}
    set_state_dict(model, optimizer, **own)


def assert_small(model: torch.nn.Module, optimizer: Any) -> None:
    """A local state takes 68 bytes for 64 elements, and what the shape promises."""
    for name, param in model.named_parameters():
        own: Any = param
        local = own.to_local().numel()
        for state in NAMES:
            found = optimizer.state[param][state]
            if name == "small":
                assert found.dtype == torch.float32
                continue
            assert found.dtype == torch.uint8
            # The largest part of all decides, which has a row, or an element, more.
            assert found.to_local().numel() <= 68 * -(-(local + 99) // BLOCK)


def go_on(path: Path, ranks: int) -> list[torch.Tensor]:
    """The second half of a run, from any number of processes."""
    model = module(EVEN, ranks)
    optimizer = adam(model)
    loaded(model, optimizer, path)
    train(model, optimizer, range(STEPS // 2, STEPS))
    return [*whole(model), *states_of(model, optimizer)]


def alone(shapes: dict[str, tuple[int, ...]], kind: str = "int8") -> list[torch.Tensor]:
    model = module(shapes, 1)
    optimizer = adam(model, kind)
    train(model, optimizer, range(STEPS))
    return [*whole(model), *states_of(model, optimizer)]


def begin(path: Path, ranks: int) -> tuple[torch.nn.Module, Any]:
    """The first half of a run, and its checkpoint."""
    model = module(EVEN, ranks)
    optimizer = adam(model)
    train(model, optimizer, range(STEPS // 2))
    saved(model, optimizer, path)
    return model, optimizer


def on_the_same_number(folder: Path) -> None:
    """All layouts go on with the same bits."""
    straight = module(SHAPES, RANKS)
    optimizer = adam(straight)
    train(straight, optimizer, range(STEPS // 2))
    assert_small(straight, optimizer)
    saved(straight, optimizer, folder / "all")
    with optimizer.decoded():
        saved(straight, optimizer, folder / "decoded")
    before = states_of(straight, optimizer)
    for path, is_decoded in ((folder / "all", False), (folder / "decoded", True)):
        broken = module(SHAPES, RANKS)
        again = adam(broken)
        loaded(broken, again, path, is_decoded=is_decoded)
        assert_bits(states_of(broken, again), before)
        assert_bits(whole(broken), whole(straight))
    for model, one in ((straight, optimizer), (broken, again)):
        train(model, one, range(STEPS // 2, STEPS))
    assert_bits(states_of(broken, again), states_of(straight, optimizer))
    assert_bits(whole(broken), whole(straight))


def refusals(folder: Path) -> None:
    """Of other codes, with and without a checkpoint."""
    _, coded = begin(folder / "even", RANKS)
    other = module(EVEN, RANKS)
    with pytest.raises(CheckpointException, match=r"(?s)Size mismatch.*exp_avg"):
        loaded(other, adam(other, "float8"), folder / "even")
    state = coded.state_dict()
    with pytest.raises(ValueError, match=r"has codes 'int8', and is to have 'float8'; choose"):
        adam(module(EVEN, RANKS), "float8").load_state_dict(state)


def near_float32(mesh: Any, line: Any) -> None:
    """Other placements: columns, both dimensions, replicas."""
    for place, placements in (
        (line, [Shard(1)]),
        (line, [Replicate()]),
        (mesh, [Shard(0), Shard(1)]),
        (mesh, [Replicate(), Shard(0)]),
    ):
        draw = torch.Generator().manual_seed(3)
        tensor = torch.randn(130, 70, generator=draw)
        found = []
        for kind in ("int8", "float32"):
            model = torch.nn.Module()
            model.weight = torch.nn.Parameter(distribute_tensor(tensor, place, placements))
            optimizer = adam(model, kind)
            train(model, optimizer, range(1))
            with optimizer.decoded():
                state = optimizer.state_dict()["state"][0]
            found.append([state[name].full_tensor() for name in NAMES])
            (param,) = model.parameters()
            assert (optimizer.state[param]["exp_avg"].dtype == torch.uint8) == (kind == "int8")
            again = adam(model, kind)
            again.load_state_dict(optimizer.state_dict())
            for name in NAMES:
                one, other = (each.state[param][name].full_tensor() for each in (again, optimizer))
                assert torch.equal(one, other)
        for coded, exact in zip(*found, strict=True):
            # Codes have 4 bits of fraction; a unit is a 247th of the largest magnitude at most.
            least = float(exact.abs().max()) / 247 / 16
            torch.testing.assert_close(coded, exact, rtol=1 / 16, atol=least)


def notices(grid: Any) -> None:
    """What has no codes says so, once."""
    model = module({"one": (64, 128), "two": (64, 128)}, RANKS)
    plain = torch.nn.Module()
    strided = DTensor.from_local(
        *(torch.ones(64, 128), grid, [_StridedShard(0, split_factor=2), Shard(0)]),
        shape=torch.Size((128, 128)),
        stride=(128, 1),
    )
    plain.one = torch.nn.Parameter(strided)
    odd = torch.nn.Module()
    odd.one = torch.nn.Parameter(
        distribute_tensor(torch.ones(100, 100), grid, [Replicate(), Shard(1)])
    )
    for some, optimizer, reason in (
        (model, fused.Muon(model.parameters(), state_dtype="int8"), "one process computes whole"),
        (plain, adam(plain), "their parts are no stretches"),
        (odd, adam(odd, rounding="stochastic"), "their parts have rows that aren't a multiple of"),
    ):
        others = " and 1 more" if some is model else ""
        message = rf"'0\.0'{others} have float32 states and not int8, since {reason}"
        with pytest.warns(UserWarning, match=message):
            train_local(some, optimizer)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            train_local(some, optimizer)


def train_local(model: torch.nn.Module, optimizer: Any) -> None:
    for param in model.parameters():
        param.grad = torch.ones_like(param)
    optimizer.step()


def full(folder: Path, number: int) -> None:
    """A whole state dictionary, for one process."""
    model = module(EVEN, RANKS)
    optimizer = adam(model)
    loaded(model, optimizer, folder / "even")
    state = get_optimizer_state_dict(
        model, optimizer, options=StateDictOptions(full_state_dict=True)
    )
    weights = whole(model)
    if number == 0:
        torch.save({"state": state, "weights": weights}, folder / "full.pt")


def rank(number: int, folder: Path) -> None:
    """All runs in shards; what they end with is written down."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    with processes(folder, "meeting", number, RANKS):
        line = init_device_mesh("cpu", (RANKS,))
        grid = init_device_mesh("cpu", (1, RANKS), mesh_dim_names=("one", "other"))
        on_the_same_number(folder)
        refusals(folder)
        near_float32(grid, line)
        notices(grid)
        full(folder, number)
        found = {path: go_on(folder / path, RANKS) for path in ("even", "one")}
        model = module(SHAPES, RANKS)
        optimizer = adam(model)
        train(model, optimizer, range(STEPS))
        found["all"] = [*whole(model)]
        distributed.barrier()
    torch.save(found, folder / f"{number}.pt")
