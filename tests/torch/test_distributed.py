"""Several processes end where one does: data parallel, and with states of their own."""

from __future__ import annotations

import socket
from pathlib import Path

import torch

from tests.torch.ranks import run
from tests.torch.workers import alone, rank


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


RANKS, NAME = 2, "Adam"


def test_ranks_end_where_one_process_does(tmp_path: Path) -> None:
    """One test, since processes that import torch take long to start."""
    run(rank, (RANKS, free_port(), str(tmp_path), NAME), RANKS)
    expected = alone(NAME, lr=0.05)
    for number in range(RANKS):
        for found in torch.load(tmp_path / f"{number}.pt", weights_only=True).values():
            for one, other in zip(found, expected, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
