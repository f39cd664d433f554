"""Parameters in shards end where those of one process do, with norms and from any checkpoint."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.extents.own import SPECS
from tests.torch.layouts import laid_out, of_layouts
from tests.torch.ranks import run
from tests.torch.sharding import (
    BROKEN,
    LAID_OUT,
    LAYERWISE,
    NOISY,
    RANKS,
    RUNS,
    assert_halves,
    go_on,
    kind_of,
    rank,
)
from tests.torch.training import network
from tests.torch.workers import STEPS, learn

Found = dict[str, list[torch.Tensor]]


def alone(kind: Any, **arguments: Any) -> list[torch.Tensor]:
    model = network(torch.float32)
    optimizer = kind(model.parameters(), **arguments)
    learn(model, optimizer, 0, 1, range(STEPS))
    if arguments.get("use_ema"):
        optimizer.finalize()
    return [param.detach() for param in model.parameters()]


def expected(folder: Path) -> Found:
    runs = {name: alone(kind_of(kind, folder), **given) for name, (kind, given) in RUNS.items()}
    for title, kind in LAID_OUT.items():
        runs[title] = laid_out(kind_of(kind, folder), of_layouts())
    return runs | {"broken off": alone(kind_of("Adam", folder), **BROKEN)}


def assert_close(found: list[torch.Tensor], expected: list[torch.Tensor]) -> None:
    for one, other in zip(found, expected, strict=True):
        unit = 2 * torch.finfo(torch.bfloat16).eps if one.dtype == torch.bfloat16 else 1e-4
        torch.testing.assert_close(one, other, rtol=unit, atol=1e-5)


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
def test_shards_end_where_one_process_does(tmp_path: Path) -> None:
    """One test of all, as processes with torch take long to start.

    Norms are those of whole parameters, and checkpoints go on in any number of processes.
    """
    (tmp_path / "layerwise.toml").write_text(LAYERWISE)
    (tmp_path / "noisy.toml").write_text(NOISY)
    specs = [str(SPECS / f"{name}.toml") for name in ("learned", "factored", "covered")]
    command = [sys.executable, "-m", "optgen", "build", "layerwise.toml", "noisy.toml", *specs]
    command += ["--out", "own_package"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    after = expected(tmp_path)
    run(rank, (tmp_path,), RANKS)
    for number in range(RANKS):
        for name, found in torch.load(tmp_path / f"{number}.pt", weights_only=True).items():
            assert_close(found, after[name.partition(",")[0]])
    assert_halves(tmp_path, 1)
    for saved in ("of two", "of four"):
        assert_close(go_on(tmp_path / saved, 0, 1), after["broken off"])
