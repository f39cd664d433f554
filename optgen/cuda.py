"""Availability of CUDA, without importing Numba or a framework."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from importlib.util import find_spec

_PACKAGES = {"numba_cuda": "numba-cuda", "cuda": "cuda-bindings"}
#: The library of the driver.
DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
_INSTALL = 'pip install "optgen[cuda]"'


def is_available() -> bool:
    """Whether there are a device, its driver and the packages of the extra ``cuda``."""
    return not why_not()


@cache
def why_not() -> str:
    """What is missing, and how to mend it; empty if nothing is."""
    missing = missing_packages()
    if missing or os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0"):
        return missing
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return f"no NVIDIA driver is installed: {DRIVER} can't be loaded"
    status = int(driver.cuInit(0))
    if status:
        return f"the NVIDIA driver finds no device that it can use (cuInit returned {status})"
    return ""


def missing_packages() -> str:
    """Which packages of the extra ``cuda`` are missing, and what installs them; empty if none."""
    absent = [name for module, name in _PACKAGES.items() if find_spec(module) is None]
    return f"{' and '.join(absent)} are not installed: {_INSTALL}" if absent else ""
