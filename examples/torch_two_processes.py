"""Two processes train one network together, each on half of every batch.

Run it with ``python examples/torch_two_processes.py``; it needs torch. Both print the same loss,
which is that of one process with torch's own optimizer.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import distributed
from torch.multiprocessing.spawn import spawn
from torch.nn.parallel import DistributedDataParallel

import optgen.torch

PROCESSES, STEPS = 2, 100


def train(rank: int, ranks: int, model: torch.nn.Module, optimizer: Any) -> float:
    """Fit a plane to its values at random points; the loss over all points of the last batch."""
    generator = torch.Generator().manual_seed(0)
    points = torch.zeros(0)
    for _ in range(STEPS):
        points = torch.randn(32, 4, generator=generator)
        own = points[rank::ranks]
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(own), own.sum(1, keepdim=True)).backward()
        optimizer.step()
    with torch.no_grad():
        return float(torch.nn.functional.mse_loss(model(points), points.sum(1, keepdim=True)))


def network() -> torch.nn.Module:
    """A layer, always with the same weights."""
    torch.manual_seed(0)
    return torch.nn.Linear(4, 1)


def work(rank: int, meeting: str) -> None:
    """What each process does; they meet by a file."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    distributed.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=PROCESSES)
    model = DistributedDataParallel(network())
    loss = train(rank, PROCESSES, model, optgen.torch.Adam(model.parameters(), lr=0.1))
    print(f"process {rank}: loss {loss:.5f}", flush=True)
    distributed.destroy_process_group()


def main() -> None:
    """Train in two processes, and then in this one with torch's own."""
    with TemporaryDirectory() as folder:
        spawn(work, (str(Path(folder, "meeting")),), nprocs=PROCESSES)
    model = network()
    loss = train(0, 1, model, torch.optim.Adam(model.parameters(), lr=0.1))
    print(f"torch, alone: loss {loss:.5f}")


if __name__ == "__main__":
    main()
