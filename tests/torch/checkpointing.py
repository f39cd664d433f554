"""What a rank does with sharded checkpoints; a module of its own too."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_state_dict,
    set_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.fsdp import fully_shard

import optgen.torch as fused
from optgen import optimizers
from optgen.torch import optimizer_class
from tests.torch.sharding import processes, whole
from tests.torch.training import network
from tests.torch.workers import STEPS, learn

RANKS, BEFORE, AFTER = 2, range(4), range(4, STEPS)
THEIRS = torch.optim.AdamW
#: Classes of ours that take torch's place, with an option that torch's doesn't have.
OURS: dict[str, tuple[Any, dict[str, Any]]] = {
    "class": (fused.AdamW, {}),
    "of a rule": (optimizer_class(optimizers.TorchAdamW), {}),
    "with an option": (fused.AdamW, {"l2_penalty": 1e-30}),
}
WAYS = ("to torch", "to ours")
RUNS = [*product(OURS, WAYS, (False, True))]


def rank(number: int, folder: Path) -> None:
    """All runs; what they end with is written down, beside a run without a checkpoint."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    found: dict[Any, list[torch.Tensor]] = {}
    with processes(folder, "two", number, RANKS):
        model = sharded()
        optimizer = THEIRS(model.parameters(), lr=0.02)
        learn(model, optimizer, number, RANKS, range(AFTER.stop))
        found["straight"] = whole(model)
        for place, run in enumerate(RUNS):
            found[run] = broken(run, number, folder / str(place))
    torch.save(found, folder / f"{number}.pt")


def sharded() -> Any:
    model = network(torch.float32)
    fully_shard(model)
    return model


def broken(run: tuple[str, str, bool], number: int, folder: Path) -> list[torch.Tensor]:
    """A run that goes on in another class, from files of all ranks."""
    name, way, is_flat = run
    made, own = OURS[name]
    kinds = [(THEIRS, {}), (made, own)]
    (first, one), (second, other) = kinds if way == "to ours" else reversed(kinds)
    options = StateDictOptions(flatten_optimizer_state_dict=is_flat)
    model = sharded()
    optimizer = first(model.parameters(), lr=0.02, **one)
    learn(model, optimizer, number, RANKS, BEFORE)
    optimizer.zero_grad()
    saved, state = get_state_dict(model, optimizer, options=options)
    save({"model": saved, "optimizer": state}, checkpoint_id=str(folder))
    model = sharded()
    optimizer = second(model.parameters(), lr=0.5, **other)
    saved, state = get_state_dict(model, optimizer, options=options)
    found: dict[str, Any] = {"model": saved, "optimizer": state}
    # Without this, torch's loading refuses an option that only one of the two has set.
    partly = DefaultLoadPlanner(allow_partial_load=bool(own))
    load(found, checkpoint_id=str(folder), planner=partly)
    set_state_dict(
        model,
        optimizer,
        model_state_dict=found["model"],
        optim_state_dict=found["optimizer"],
        options=options,
    )
    assert optimizer.param_groups[0]["lr"] == 0.02
    learn(model, optimizer, number, RANKS, AFTER)
    return whole(model)
