"""Several processes end where one does: data parallel, and with states of their own."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import torch
from torch.multiprocessing.spawn import spawn

from tests.torch.workers import alone, rank


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.parametrize(
    ("kind", "name", "ranks"),
    [("ddp", "Adam", 2), ("zero", "Adam", 2)],
)
def test_ranks_end_where_one_process_does(kind: str, name: str, ranks: int, tmp_path: Path) -> None:
    arguments = (ranks, free_port(), str(tmp_path), name, kind)
    spawn(rank, arguments, nprocs=ranks)  # type: ignore[no-untyped-call]
    expected = alone(name, lr=0.05)
    for number in range(ranks):
        found = torch.load(tmp_path / f"{number}.pt", weights_only=True)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
