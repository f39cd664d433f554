"""Ranks as forks of a process that has imported torch: each would take seconds to import it."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

import pytest
from torch.multiprocessing.spawn import start_processes

from tests import kernels_in_python

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


def run(
    rank: Callable[..., None], arguments: tuple[Any, ...], ranks: int, *, is_compiled: bool = False
) -> None:
    """Run ``rank`` in that many processes, with its number and arguments.

    Python runs the kernels, unless they are to be compiled.
    """
    assert rank.__module__ in MODULES
    get_context("forkserver").set_forkserver_preload([*MODULES, __name__])
    function, given = (rank, arguments) if is_compiled else (_plain, (rank, *arguments))
    start_processes(function, given, ranks, start_method="forkserver")  # type: ignore[no-untyped-call]


def _plain(number: int, rank: Callable[..., None], *arguments: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        kernels_in_python.substitute(patch)
        rank(number, *arguments)
