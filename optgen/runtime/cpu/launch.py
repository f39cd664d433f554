"""Launching kernels: in which thread, and when to stay serial."""

from __future__ import annotations

import os
import threading
from typing import Any

import numba
from numba import prange

from optgen.runtime.cpu.jit import Kernel, Loop

#: Below so many elements a second thread brings nothing, and costs much on a busy machine.
SERIAL_ELEMENTS = 96 * 1024

#: Threading layers of Numba that two Python threads may enter at once.
_SAFE_LAYERS = frozenset({"tbb", "omp"})


class _Process:
    """What this process may do; a forked child can't use the threads of its parent."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.forked = False

    def after_fork(self) -> None:
        """In the child: its threads are gone, and the lock may have been held."""
        self.lock = threading.Lock()
        self.forked = True


_process = _Process()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_process.after_fork)


def loop_for(elements: int) -> Loop:
    """The loop for so many elements."""
    if elements < SERIAL_ELEMENTS or _process.forked or numba.get_num_threads() == 1:
        return range
    return prange  # type: ignore[no-any-return]


def launch(kernel: Kernel, loop: Loop, *arguments: Any) -> None:
    """Run a kernel; a parallel one alone where the threading layer can't take two at once."""
    if loop is range or _layer() in _SAFE_LAYERS:
        kernel(*arguments)
        return
    with _process.lock:
        kernel(*arguments)


def _layer() -> str:
    try:
        return str(numba.threading_layer())
    except ValueError:  # Not known before the first parallel launch.
        return ""
