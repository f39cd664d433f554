"""Ranks as forks of a process that has imported torch: each would take seconds to import it."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

from torch.multiprocessing.spawn import start_processes

#: What ranks run is in these modules.
MODULES = [
    "tests.torch.checkpointing",
    "tests.torch.coded_sharding",
    "tests.torch.engines",
    "tests.torch.measuring",
    "tests.torch.owning",
    "tests.torch.sharding",
    "tests.torch.workers",
]


def run(rank: Callable[..., None], arguments: tuple[Any, ...], ranks: int) -> None:
    """Run ``rank`` in that many processes, with its number and arguments."""
    assert rank.__module__ in MODULES
    get_context("forkserver").set_forkserver_preload(MODULES)
    start_processes(rank, arguments, ranks, start_method="forkserver")  # type: ignore[no-untyped-call]
