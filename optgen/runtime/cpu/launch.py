"""Kernel launches: thread selection, and serial fallback."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

import numba
from numba import prange

from optgen.runtime.cpu.jit import Kernel, Loop
from optgen.runtime.transaction import Call, chain

#: Below so many elements a second thread brings nothing, and costs much on a busy machine.
SERIAL_ELEMENTS = 96 * 1024

#: As many threads at most as leave none for others while they wait.
_FEW_THREADS = 8

#: Threading layers of Numba that two Python threads may enter at once.
_SAFE_LAYERS = frozenset({"tbb", "omp"})


class _Process:
    """What this process may do; a forked child can't use the threads of its parent."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.forked = False
        #: Whether a parallel kernel may only run alone, as it must until its layer is known.
        self.is_alone = True

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


def loop_between_calls(elements: int) -> Loop:
    """The loop for so many elements between two calls of BLAS.

    Numba's threads spin for milliseconds after a pass. If they are few, they do so on the cores
    that BLAS needs, which takes longer than the pass.
    """
    return range if numba.get_num_threads() <= _FEW_THREADS else loop_for(elements)


def launch(kernel: Kernel, loop: Loop, *arguments: Any) -> None:
    """Run a kernel; a parallel one alone where the threading layer can't take two at once."""
    if loop is range or _layer() in _SAFE_LAYERS:
        kernel(*arguments)
        return
    with _process.lock:
        kernel(*arguments)
        _process.is_alone = _layer() not in _SAFE_LAYERS


def launching(kernel: Kernel, loop: Loop, chunks: Any, *arguments: Any) -> Call:
    """The call that runs a kernel over chunks, and is all compiled code.

    A kernel that isn't compiled yet is compiled here, by a launch over no chunk.
    """
    if not getattr(kernel, "overloads", True):
        launch(kernel, loop, chunks[:0], *arguments)
    return kernel, chunks, *arguments


def commit(calls: Sequence[Call]) -> None:
    """Make launches, and what belongs to them, whole or not at all."""
    if _process.is_alone and any(_is_parallel(function) for function, *_ in calls):
        with _process.lock:
            chain(calls)
    else:
        # Threads that exchange results here must not wait for each other.
        chain(calls)


def _is_parallel(function: Any) -> bool:
    return bool(getattr(function, "targetoptions", {}).get("parallel"))


def _layer() -> str:
    try:
        return str(numba.threading_layer())
    except ValueError:  # Not known before the first parallel launch.
        return ""
