"""These tests need Numba's CUDA simulator, which has a process of its own.

NUMBA_ENABLE_CUDASIM=1 pytest tests/simulator
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from itertools import cycle

import pytest

from tests import kernels_in_python

if os.environ.get("NUMBA_ENABLE_CUDASIM") != "1" or find_spec("numba_cuda") is None:
    collect_ignore_glob = ["test_*.py"]


def pytest_configure(config: pytest.Config) -> None:
    # A device doesn't warn of what it can't compute.
    ignored = "ignore:.*encountered in.*:RuntimeWarning"
    config.addinivalue_line("filterwarnings", ignored)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks and runs so short that small variables have several."""
    work = pytest.importorskip("optgen.runtime.cuda.work_list")
    monkeypatch.setattr(work, "LEAST", 32)
    monkeypatch.setattr(work, "MULTIPLE", 16)
    monkeypatch.setattr(work, "RUN", 2)


@pytest.fixture(autouse=True)
def threads_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, ten times the processor's time is for threads that poll others."""
    kernel = pytest.importorskip("numba.cuda.simulator.kernel")
    turns = pytest.importorskip("tests.simulator.turns")
    monkeypatch.setattr(kernel, "BlockManager", turns.Block)
    monkeypatch.setattr(turns, "ways", cycle((1, -1)))


@pytest.fixture(autouse=True)
def plain_kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python runs the host's kernels too, but in tests with the marker ``compiled``."""
    if request.node.get_closest_marker("compiled") is None:
        kernels_in_python.substitute(monkeypatch)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the driver is asked for, from here on: names of kernels, and of what it copies."""
    driver = pytest.importorskip("optgen.runtime.cuda.simulated_driver")
    log: list[str] = []
    monkeypatch.setattr(driver, "log", log)
    return log
