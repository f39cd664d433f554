"""What a rank of a distributed run does; a module of its own, since other processes import it."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

import optgen.torch as fused
from tests.torch.training import network

with warnings.catch_warnings():
    # Torch compiles functions there in a way that it deprecates itself.
    warnings.simplefilter("ignore", DeprecationWarning)
    from torch.distributed.optim import ZeroRedundancyOptimizer

STEPS = 6


def batches(rank: int, ranks: int) -> Any:
    """The share of a rank in the same batches for any number of ranks."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        inputs = torch.randn(8, 6, generator=generator)
        targets = torch.randn(8, 3, generator=generator)
        yield inputs[rank::ranks], targets[rank::ranks]


def learn(model: Any, optimizer: Any, rank: int, ranks: int, steps: range) -> None:
    dtype = next(model.parameters()).dtype
    for number, (inputs, targets) in enumerate(batches(rank, ranks)):
        if number in steps:
            optimizer.zero_grad()
            ((model(inputs.to(dtype)) - targets.to(dtype)) ** 2).mean().backward()
            optimizer.step()


def alone(name: str, **arguments: Any) -> list[torch.Tensor]:
    model = network(torch.float32)
    optimizer = getattr(fused, name)(model.parameters(), **arguments)
    learn(model, optimizer, 0, 1, range(STEPS))
    return [param.detach() for param in model.parameters()]


KINDS = ("ddp", "zero")


def rank(number: int, ranks: int, port: int, folder: str, name: str) -> None:
    """Train with others, in each way, and write the parameters down."""
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"}
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", rank=number, world_size=ranks)
    found = {kind: together(number, ranks, name, kind) for kind in KINDS}
    torch.save(found, Path(folder) / f"{number}.pt")
    distributed.destroy_process_group()


def together(number: int, ranks: int, name: str, kind: str) -> list[torch.Tensor]:
    made = getattr(fused, name)
    model = DistributedDataParallel(network(torch.float32))
    if kind == "zero":
        optimizer = ZeroRedundancyOptimizer(model.parameters(), optimizer_class=made, lr=0.05)
    else:
        optimizer = made(model.parameters(), lr=0.05)
    learn(model, optimizer, number, ranks, range(STEPS))
    if kind == "zero":
        assert isinstance(optimizer, ZeroRedundancyOptimizer)
        own = sum(len(group["params"]) for group in optimizer.optim.param_groups)
        assert own < len(list(model.parameters()))
    return [param.detach() for param in model.module.parameters()]
