"""Whether there is a GPU, and what is said where it or its packages are missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import optgen.cuda
import optgen.optimizers as oo


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    optgen.cuda.why_not.cache_clear()
    yield
    optgen.cuda.why_not.cache_clear()


class Claimed:
    """Says that it is an array of a device."""

    __cuda_array_interface__: Any = None


def test_asking_imports_next_to_nothing() -> None:
    program = """
import sys, optgen.cuda
print(optgen.cuda.is_available(), optgen.cuda.why_not())
assert not {"numba", "numpy", "torch", "numba_cuda"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optgen.cuda, "find_spec", lambda name: None)
    assert not optgen.cuda.is_available()
    assert optgen.cuda.why_not() == (
        'numba-cuda and cuda-bindings are not installed: pip install "optgen[cuda]"'
    )
    variable: Any = Claimed()
    with pytest.raises(ImportError, match=r"'a' is a CUDA array, but numba-cuda and cuda-bind"):
        oo.SGD().build({"a": variable})


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optgen.cuda, "missing_packages", lambda: "")
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    monkeypatch.setattr(optgen.cuda, "DRIVER", "no such library")
    assert optgen.cuda.why_not().startswith("no NVIDIA driver is installed")


def test_a_driver_without_a_device_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optgen.cuda, "missing_packages", lambda: "")
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)

    class Driver:
        def __init__(self, name: str) -> None:
            pass

        def cuInit(self, flags: int) -> int:  # noqa: N802
            return 100

    monkeypatch.setattr("ctypes.CDLL", Driver)
    assert "finds no device that it can use (cuInit returned 100)" in optgen.cuda.why_not()


def test_host_and_device_don_t_mix() -> None:
    variables: Any = {"a": np.ones(3, np.float32), "b": Claimed()}
    with pytest.raises(TypeError, match="'a' is in the host's memory and 'b' on a device"):
        oo.SGD().build(variables)
