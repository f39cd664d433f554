"""Work on many items in processes; a process that hangs or dies loses its own item only."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

try:
    import resource
except ImportError:  # Windows has no resource module.
    resource = None  # type: ignore[assignment]

Item = TypeVar("Item")
Result = TypeVar("Result")

#: The memory limit of a process in bytes, if the system enforces it.
MOST_MEMORY = 4 << 30
#: How many times its CPU time a process may take before it is ended for its time on the clock:
#: it waits for something, or other work keeps it from a core.
PATIENCE = 10
#: Errors if the system can't start processes, or this process can't be their parent.
_CANNOT_START = (OSError, ImportError, AssertionError)


@dataclass(frozen=True)
class Lost:
    """The reason why an item has no result."""

    reason: str


def in_parallel(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    seconds: float,
    done: Callable[[Item], None],
    *,
    most: int | None = None,
) -> list[Result | Lost]:
    """The results of some work, in the order of the items; work and results can be pickled.

    At most ``most`` processes run at once; the default is the number of cores. A process is
    terminated that takes more than ``seconds`` of CPU time for an item, or ``PATIENCE`` times as
    long on the clock; Windows counts the latter only. An interrupt terminates all processes. If no
    process can be started, this process does the work, without a limit. ``done`` is called after
    each item.
    """
    crew = _Crew(work, seconds, _cores() if most is None else most)
    try:
        return crew.results(items, done)
    finally:
        crew.end()


class _Crew:
    """The worker processes, and the results of work done without them."""

    def __init__(self, work: Callable[[Any], Any], seconds: float, most: int) -> None:
        self._work, self._seconds, self._most = work, seconds, most
        self._busy: list[_Worker] = []
        self._idle: list[_Worker] = []

    def results(self, items: Sequence[Any], done: Callable[[Any], None]) -> list[Any]:
        results: list[Any] = [None] * len(items)
        waiting = deque(range(len(items)))
        while waiting or self._busy:
            while waiting and (worker := self._free()) is not None:
                place = waiting.popleft()
                worker.take(place, items[place], self._seconds)
                self._busy.append(worker)
            if not self._busy:
                place = waiting.popleft()
                results[place] = self._work(items[place])
                done(items[place])
            for place, result in self._arrived():
                results[place] = result
                done(items[place])
        return results

    def _free(self) -> _Worker | None:
        """An idle worker; None if the maximum number of workers is busy."""
        if self._idle:
            return self._idle.pop()
        if len(self._busy) >= self._most:
            return None
        try:
            return _Worker(self._work)
        except _CANNOT_START:
            return None

    def _arrived(self) -> list[tuple[int, Any]]:
        """The results or losses of workers, with the indices of the items; waits for the first."""
        if not self._busy:
            return []
        rest = min(worker.until for worker in self._busy) - time.monotonic()
        ready = wait([worker.pipe for worker in self._busy], max(0.0, rest))
        found, still_busy = [], []
        for worker in self._busy:
            if worker.pipe in ready:
                result = worker.result()
            elif time.monotonic() >= worker.until:
                waited = f"it wasn't done after {PATIENCE * self._seconds:g} seconds and was ended"
                result = Lost(f"{waited}; the machine is busy, or it hangs")
            else:
                still_busy.append(worker)
                continue
            if isinstance(result, Lost):
                worker.end()
            else:
                self._idle.append(worker)
            found.append((worker.place, result))
        self._busy = still_busy
        return found

    def end(self) -> None:
        """Terminate all processes, idle or busy."""
        for worker in (*self._idle, *self._busy):
            worker.end()


class _Worker:
    """A process, and its current item."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        context = _context()
        self.pipe, theirs = context.Pipe()
        self.place, self.until, self._seconds = 0, 0.0, 0.0
        arguments = (work, theirs, self.pipe)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        try:
            with _no_interrupt():
                self._process.start()
        finally:
            theirs.close()

    def take(self, place: int, item: object, seconds: float) -> None:
        """Start work on an item."""
        self._seconds, self.place = seconds, place
        self.until = time.monotonic() + PATIENCE * seconds
        with suppress(OSError):  # Reading the result detects a dead process.
            self.pipe.send((item, seconds))

    def result(self) -> Any:
        """The result that the process has sent; Lost if the process ended instead."""
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            self._process.join(1)
            return Lost(f"its process {_ending(self._process.exitcode, self._seconds)}")
        except Exception as error:  # Unpickling a result can raise any exception.
            return Lost(f"its result can't be read: {type(error).__name__}")

    def end(self) -> None:
        """Terminate the process."""
        self._process.kill()
        self._process.join()
        self.pipe.close()


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Delay an interrupt, which Python loses during its own work around a fork.

    A process started in this context never receives an interrupt: its parent terminates it.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ending(code: int | None, seconds: float) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            name = signal.Signals(-code).name
            late = f"took more than {seconds:g} seconds of CPU time"
            return late if name == "SIGPROF" else f"was ended by {name}"
    return f"ended with status {code}"


def _context() -> Any:
    """The start method of processes: fork, if no other thread of this process can hold a lock."""
    known = get_all_start_methods()
    if sys.platform.startswith("linux") and threading.active_count() == 1 and "fork" in known:
        return get_context("fork")
    if "forkserver" not in known:
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([__package__ + ".spec_checks"])
    return context


def _serve(work: Callable[[Any], Any], pipe: Connection, other_end: Connection) -> None:
    """The main loop of a process: receive items and send results until the pipe is closed."""
    other_end.close()  # A forked process has both ends; an open copy would hide the other's close.
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent terminates this process.
    bound_memory(MOST_MEMORY)
    with suppress(EOFError):
        while True:
            item, seconds = pipe.recv()
            _bound_time(seconds)
            result = work(item)
            _bound_time(0)
            pipe.send(result)


def _bound_time(seconds: float) -> None:
    """End this process after so many seconds of CPU time of all its threads; 0 lifts the limit."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, seconds)


def bound_memory(most: int) -> None:
    """Limit the memory of this process to ``most`` bytes, before the machine runs out of memory."""
    if resource is None:
        return
    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        soft = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _cores() -> int:
    """The number of cores available to this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
