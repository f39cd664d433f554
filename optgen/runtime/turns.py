"""Threads that use one optimizer take turns."""

from __future__ import annotations

import os
import threading
from weakref import WeakSet


class Turn:
    """Whose turn it is: ``with turn.lock`` waits for another thread's step or save to end."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        #: Whether the thread whose turn it is makes a step.
        self.is_stepping = False
        #: Whether variables hold their averages.
        self.is_evaluating = False
        #: Whether a fork has cut off a step of another thread.
        self.is_torn = False
        _every.add(self)

    def refuse_inside(self, owner: str, what: str) -> None:
        """Raise RuntimeError where a function that a step calls would do ``what``."""
        if self.is_torn:
            raise RuntimeError(f"{owner}: the process was forked while a thread made a step")
        if self.is_stepping:
            raise RuntimeError(f"{owner}: no function that a step calls may {what}")

    def after_fork(self) -> None:
        """In the child no other thread is left, but what it held is still held."""
        if self.lock.acquire(blocking=False):
            self.lock.release()
            return
        self.lock = threading.RLock()
        self.is_torn, self.is_stepping = self.is_stepping, False


_every: WeakSet[Turn] = WeakSet()


def _after_fork() -> None:
    for turn in list(_every):
        turn.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
