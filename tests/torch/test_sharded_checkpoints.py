"""Sharded checkpoints go from torch's classes to ours and back, in two processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.torch import ranks
from tests.torch.checkpointing import RANKS, RUNS, rank


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[Any, list[torch.Tensor]]]:
    folder: Path = tmp_path_factory.mktemp("checkpoints")
    ranks.run(rank, (folder,), RANKS)
    return [torch.load(folder / f"{number}.pt") for number in range(RANKS)]


@pytest.mark.parametrize("run", RUNS, ids=str)
def test_more_steps_are_those_of_an_uninterrupted_run(run: Any, found: Any) -> None:
    for one in found:
        for own, straight in zip(one[run], one["straight"], strict=True):
            torch.testing.assert_close(own, straight, rtol=1e-5, atol=1e-6)
