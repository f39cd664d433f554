"""Deferral of signal handlers during calls of Python functions that belong together."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

#: Signals that end a program or a wait; their handlers usually raise.
_NAMES = ("SIGINT", "SIGTERM", "SIGALRM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGBREAK")
_SIGNALS = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]


class _Uninterrupted:
    """A context manager that delays Python signal handlers; only the main thread runs handlers."""

    def __init__(self) -> None:
        self._depth = 0
        self._handlers: dict[int, Callable[..., Any]] = {}
        self._waiting: list[int] = []

    def __enter__(self) -> None:
        if threading.get_ident() != threading.main_thread().ident:
            return
        self._depth += 1
        if self._depth > 1:
            return
        try:
            for number in _SIGNALS:
                handler = signal.getsignal(number)
                # Handlers in C run no Python code, and raise nothing.
                if callable(handler) and handler != self._wait:
                    self._handlers[number] = handler
                    signal.signal(number, self._wait)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *error: object) -> None:
        if threading.get_ident() != threading.main_thread().ident:
            return
        self._depth -= 1
        if self._depth:
            return
        for number, handler in self._handlers.items():
            if signal.getsignal(number) == self._wait:
                signal.signal(number, handler)
        waiting, self._waiting = dict.fromkeys(self._waiting), []
        for number in waiting:
            signal.raise_signal(number)

    def _wait(self, number: int, frame: object) -> None:
        """Delay a signal; outside the context, after an earlier handler raised, forward it."""
        if self._depth:
            self._waiting.append(number)
        else:
            self._handlers[number](number, frame)


uninterrupted = _Uninterrupted()
