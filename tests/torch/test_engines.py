"""Engines that divide parameters: shards, copies, tensor parallel, and files in other storage."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.torch.engines import OURS, RANKS, STORED, give_gradients, halved, rank, read
from tests.torch.ranks import run


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
@pytest.mark.filterwarnings("ignore:.*in another storage")
def test_engines_and_files_of_other_storage(tmp_path: Path) -> None:
    """One test of all, as processes with torch take long to start."""
    # What is compiled here is loaded by the ranks.
    for arguments in ({}, *(given for pair in STORED.values() for given in pair)):
        model, optimizer = halved(1, arguments)
        give_gradients(model, 0)
        optimizer.step()
    params = [torch.ones(4, requires_grad=True)]
    for given in ({}, {"global_clipnorm": 1.0}):
        params[0].grad = torch.ones(4)
        OURS(params, **given).step()
    run(rank, (tmp_path,), RANKS, is_compiled=True)
    alone = read(tmp_path, 1)
    for title, (_, loaded) in STORED.items():
        saved = torch.load(tmp_path / f"{title}.pt", weights_only=True)
        narrow = loaded.get("state_dtype")
        expected = [one if narrow is None else one.bfloat16() for one in saved]
        for number in range(2):
            found = torch.load(tmp_path / f"read by {number}.pt", weights_only=True)
            for one, other in zip(found[title], expected, strict=True):
                # A wider dtype has all numbers of the narrower.
                assert torch.equal(one, other.to(one.dtype))
            for one, other in zip(found[f"{title}, later"], alone[f"{title}, later"], strict=True):
                assert one.dtype == other.dtype
                assert torch.equal(one, other)
