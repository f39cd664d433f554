"""The lock that serializes threads of one optimizer, and fork detection."""

from __future__ import annotations

import os
import threading
from weakref import WeakSet


class Turn:
    """The lock of an optimizer: ``with turn.lock`` waits for other threads' steps and saves."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        #: Whether the thread that holds the lock makes a step.
        self.is_stepping = False
        #: The thread inside ``averaged``; None if there is none.
        self.evaluator: int | None = None
        #: The operation of another thread that a fork interrupted.
        self.torn = ""
        _every.add(self)

    def refuse_inside(self, owner: str, what: str) -> None:
        """Raise RuntimeError if ``what`` is called inside a step.

        Call it with the lock held: it takes a step for one of this thread.
        """
        if self.torn:
            raise RuntimeError(f"{owner}: the process was forked while another thread {self.torn}")
        if self.is_stepping:
            raise RuntimeError(f"{owner}: no function that a step calls may {what}")

    def refuse_averaged(self, owner: str, what: str) -> None:
        """Raise RuntimeError, which names ``what``, inside ``averaged``."""
        if self.evaluator is not None:
            raise RuntimeError(f"{owner} {what} inside averaged()")

    def after_fork(self) -> None:
        """After a fork, other threads don't exist in the child; their operations never finish."""
        if self.lock.acquire(blocking=False):
            self.lock.release()
        else:
            self.lock = threading.RLock()
            if self.is_stepping:
                self.torn, self.is_stepping = "made a step", False
        if self.evaluator not in (None, threading.get_ident()):
            self.torn, self.evaluator = "was inside averaged()", None


_every: WeakSet[Turn] = WeakSet()


def _after_fork() -> None:
    for turn in list(_every):
        turn.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
