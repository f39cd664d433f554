"""States with codes in shards: as small, with the same bits, and in more or fewer processes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.distributed.checkpoint.api import CheckpointException

from optgen.runtime.codes import BLOCK
from tests.torch.coded_sharding import (
    EVEN,
    NAMES,
    RANKS,
    SHAPES,
    STEPS,
    adam,
    alone,
    begin,
    go_on,
    loaded,
    module,
    rank,
    states_of,
    train,
)
from tests.torch.ranks import run
from tests.torch.sharding import assert_bits, whole


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
def test_shards_have_codes(tmp_path: Path) -> None:
    """One test of all, as processes with torch take long to start."""
    # What is compiled here is loaded by the ranks.
    even = alone(EVEN)
    begin(tmp_path / "one", 1)
    run(rank, (tmp_path,), RANKS, is_compiled=True)
    for number in range(RANKS):
        found = torch.load(tmp_path / f"{number}.pt", weights_only=True)
        for saved in ("even", "one"):
            assert_bits(found[saved], even)
        # Blocks end elsewhere here, so codes are others.
        for one, other in zip(found["all"], alone(SHAPES), strict=False):
            torch.testing.assert_close(one, other, rtol=0, atol=0.2 * 0.01 * STEPS)
    assert_bits(go_on(tmp_path / "even", 1), even)
    goes_on_from_a_whole_dictionary(tmp_path, even)
    other_blocks_are_refused_or_converted(tmp_path)


def goes_on_from_a_whole_dictionary(folder: Path, even: list[torch.Tensor]) -> None:
    saved = torch.load(folder / "full.pt", weights_only=True)
    model = module(EVEN, 1)
    with torch.no_grad():
        for param, value in zip(model.parameters(), saved["weights"], strict=True):
            param.copy_(value)
    optimizer = adam(model)
    numbers = {name: number for number, name in enumerate(EVEN)}
    groups = [
        {**one, "params": [numbers[name] for name in one["params"]]}
        for one in saved["state"]["param_groups"]
    ]
    state = {numbers[name]: own for name, own in saved["state"]["state"].items()}
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    train(model, optimizer, range(STEPS // 2, STEPS))
    assert_bits([*whole(model), *states_of(model, optimizer)], even)


def other_blocks_are_refused_or_converted(folder: Path) -> None:
    model = module(SHAPES, 1)
    optimizer = adam(model)
    with pytest.raises(CheckpointException, match=r"(?s)Size mismatch.*exp_avg"):
        loaded(model, optimizer, folder / "all")
    model = module(SHAPES, 1)
    optimizer = adam(model)
    with pytest.warns(UserWarning, match="exp_avg of 2 variables from float32 to int8"):
        loaded(model, optimizer, folder / "decoded", is_decoded=True)
    assert optimizer.state[model.odd]["exp_avg"].shape == (-(-75 * 99 // BLOCK), 68)
    assert set(NAMES) < set(optimizer.state[model.odd])
