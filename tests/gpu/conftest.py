"""These tests need a GPU: `make gpu`, or `pytest tests/gpu`. Elsewhere they are skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import optgen.cuda

WHY_NOT = optgen.cuda.why_not() or (
    "the simulator is on" if os.environ.get("NUMBA_ENABLE_CUDASIM") == "1" else ""
)
if WHY_NOT:
    collect_ignore_glob = ["test_[!h]*.py"]


def pytest_report_header() -> str:
    return f"GPU: none that can be used, {WHY_NOT}" if WHY_NOT else "GPU: tests/gpu will use it"


@pytest.fixture
def streams() -> Iterator[Any]:
    """Gives streams, and sets the one that arrays without a library of their own run on."""
    from cuda.bindings import driver  # noqa: PLC0415

    from optgen.runtime.cuda.driver import on  # noqa: PLC0415
    from optgen.runtime.cuda.libraries import OTHER  # noqa: PLC0415

    made: list[Any] = []

    class Streams:
        def new(self) -> int:
            with on(0):
                status, stream = driver.cuStreamCreate(1)
            assert status == driver.CUresult.CUDA_SUCCESS
            made.append(stream)
            return int(stream)

        @contextmanager
        def current(self, stream: int) -> Iterator[None]:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(OTHER, "stream", lambda device: stream)
                yield

        def wait(self) -> None:
            with on(0):
                for stream in made:
                    driver.cuStreamSynchronize(stream)

    yield Streams()
    for stream in made:
        with on(0):
            driver.cuStreamDestroy(stream)
