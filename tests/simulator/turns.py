"""Threads of a simulated block take turns, each as far as its next barrier.

Numba's simulator polls its threads without a pause, which takes most of the processor's time from
them. Turns are the same in every run of a test. Each goes the other way than the last, and blocks
begin one way and the other: where a barrier is missing, some thread reads what isn't there yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from threading import Lock
from typing import Any

import numpy as np
from numba.cuda.simulator import kernel

#: Which way the threads of each block begin.
ways: Iterator[int] = cycle((1, -1))


class Thread(kernel.BlockThread):  # type: ignore[misc]
    """A thread that stops where it waits for the others of its block."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._may_go, self._has_stopped = Lock(), Lock()
        self._may_go.acquire()
        self._has_stopped.acquire()
        self.is_done = False

    def run(self) -> None:
        self._may_go.acquire()
        super().run()
        self.is_done = True
        self._has_stopped.release()

    def syncthreads(self) -> None:
        self._has_stopped.release()
        self._may_go.acquire()
        if self.abort:
            raise RuntimeError("another thread of the block failed")

    def advance(self) -> None:
        """Run as far as the next barrier, or to the end."""
        self._may_go.release()
        self._has_stopped.acquire()


class Block(kernel.BlockManager):  # type: ignore[misc]
    """A block whose threads run one at a time."""

    def run(self, grid_point: tuple[int, ...], *arguments: Any) -> None:
        def target() -> None:
            self._f(*arguments)

        live = [
            Thread(target, self, grid_point, point, self._debug)
            for point in np.ndindex(*self._block_dim)
        ]
        for thread in live:
            thread.start()
        live = live[:: next(ways)]
        while live:
            for thread in live:
                thread.advance()
            failed = next((thread.exception for thread in live if thread.exception), None)
            live = [thread for thread in reversed(live) if not thread.is_done]
            if failed:
                _end(live)
                raise failed[0].with_traceback(failed[1])


def _end(threads: list[Thread]) -> None:
    for thread in threads:
        thread.abort = True
        thread.advance()
