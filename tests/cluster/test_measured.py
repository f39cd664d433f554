"""Plans of a cluster say what small runs have, launch and exchange."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest

from optgen.cluster import ClusterPlan, Kind, Sharding, exchanges, of_shapes, plan
from optgen.torch import optimizer_class
from tests.torch.measuring import (
    BUCKET,
    DIVIDED,
    RANKS,
    RUNS,
    Found,
    measured,
    params_of,
    rank,
    rule_of,
    shapes_of,
)
from tests.torch.ranks import run


def planned(title: str, sharding: Sharding) -> ClusterPlan:
    _, options, dtype = RUNS[title]
    text = ",".join("x".join(map(str, shape)) for shape in shapes_of(title))
    with patch.object(exchanges, "BUCKET_BYTES", BUCKET):
        return plan(rule_of(title)(**options), of_shapes(text), sharding, dtype)


def as_counted(found: ClusterPlan, number: int) -> Found:
    share = found.shares[number % len(found.shares)]
    names = "parameters", "states", "owned", "scratch", "step", "kernels", "calls"
    made = [
        [one.collective, int(one.sent[share.rank]), int(one.received[share.rank])]
        for one in found.exchanges
    ]
    return {**{name: getattr(share, name) for name in names}, "exchanges": sorted(made)}


def in_order(found: Any) -> Found:
    return {**found, "exchanges": sorted(found["exchanges"])}


@pytest.fixture(scope="module")
def alone() -> dict[str, Found]:
    return {
        title: measured(optimizer_class(rule_of(title)), params_of(title), options)
        for title, (_, options, _) in RUNS.items()
    }


@pytest.fixture(scope="module")
def counted(
    tmp_path_factory: pytest.TempPathFactory, alone: dict[str, Found]
) -> list[dict[str, Found]]:
    folder = tmp_path_factory.mktemp("measured")
    # What was compiled alone is loaded by the ranks.
    assert alone
    run(rank, (folder,), RANKS, is_compiled=True)
    return [json.loads((folder / f"{number}.json").read_text()) for number in range(RANKS)]


@pytest.mark.parametrize("how", DIVIDED)
@pytest.mark.parametrize("title", RUNS)
def test_a_plan_says_what_four_processes_do(
    title: str, how: str, counted: list[dict[str, Found]]
) -> None:
    kind, copies = DIVIDED[how]
    found = planned(title, Sharding(kind, RANKS, copies))
    for number, every in enumerate(counted):
        assert as_counted(found, number) == in_order(every[f"{title}, {how}"]), number


@pytest.mark.parametrize("title", RUNS)
def test_a_plan_says_what_each_of_equal_processes_does(title: str, alone: dict[str, Found]) -> None:
    found = planned(title, Sharding(Kind.DDP, RANKS))
    assert as_counted(found, 0) == alone[title]
