"""Matrices in parts end where whole ones do, in any number of processes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.torch import owning
from tests.torch.owning import JOINT, Found, go_on, kind_of, rank, runs
from tests.torch.ranks import run
from tests.torch.training import network


def assert_same(found: Found, expected: Found) -> None:
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


def assert_close(found: Found, expected: Found, unit: float) -> None:
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=unit, atol=unit)


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
def test_matrices_in_parts_end_where_whole_ones_do(tmp_path: Path) -> None:
    """One test of all, as processes with torch take long to start."""
    (tmp_path / "joint.toml").write_text(JOINT)
    wanted = runs(torch.Tensor.clone, tmp_path)
    model, soap = network(torch.float32), kind_of("SOAP", tmp_path)
    optimizer = soap(model.parameters(), lr=0.02)
    saved = {}
    for steps, title in ((range(2), "two"), (range(2, 4), "four"), (range(4, 6), "six")):
        owning.set_model_gradients(model, steps, optimizer)
        saved[title] = [param.detach().clone() for param in model.parameters()]
    learned = owning.learned(kind_of("KerasMuon", tmp_path), "alone", 0, 1)
    run(rank, (tmp_path,), 4)
    for number in range(4):
        held = torch.load(tmp_path / f"{number}.pt", weights_only=True)
        for title, found in held.pop("saved").items():
            assert_same(found, saved[title])
        for found in held.pop("learned", {}).values():
            # Gradients are sums of other terms.
            assert_close(found, learned, 1e-4)
        for every in held.values():
            for title, found in every.items():
                # A norm over vectors in parts is a sum in another order.
                assert_close(found, wanted[title], 1e-6)
                if title not in ("Joint", "Muon, clipped"):
                    assert_same(found, wanted[title])
    assert_same(go_on(tmp_path / "of two", tmp_path, range(4, 6), 1), saved["six"])
