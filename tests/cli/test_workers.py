"""Processes that work side by side: in order, and whatever becomes of one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from multiprocessing import get_context

import pytest

from optgen.cli import worker_processes
from optgen.cli.worker_processes import Lost, in_parallel

SECONDS = 30.0


def work(item: int) -> int:
    match item:
        case 90:
            os.kill(os.getpid(), signal.SIGKILL)
        case 91:
            os._exit(7)
        case 92:
            time.sleep(600)
        case 94:
            while True:
                pass
        case 95:
            time.sleep(1.0)
        case 93:
            raise KeyboardInterrupt
    time.sleep(0.02 * (item % 3))
    return item * item


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_processes, "_context", lambda: get_context("fork"))


@pytest.mark.usefixtures("forked")
def test_results_are_in_the_order_of_items_though_some_processes_die() -> None:
    done: list[int] = []
    items = [3, 90, 1, 91, 2, 5]
    found = in_parallel(work, items, SECONDS, done.append)
    assert found == [
        9,
        Lost("its process was ended by SIGKILL"),
        1,
        Lost("its process ended with status 7"),
        4,
        25,
    ]
    assert sorted(done) == sorted(items)


def test_processes_of_a_server_do_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_processes, "_context", lambda: get_context("forkserver"))
    assert in_parallel(work, [3, 1, 2], SECONDS, lambda _: None) == [9, 1, 4]


@pytest.mark.usefixtures("forked")
def test_what_takes_too_long_is_ended_and_the_others_go_on() -> None:
    found = in_parallel(work, [1, 94, 2], 0.5, lambda _: None)
    assert found == [1, Lost("its process took more than 0.5 seconds of CPU time"), 4]


@pytest.mark.usefixtures("forked")
def test_what_waits_for_a_core_takes_no_time() -> None:
    assert in_parallel(work, [95], 0.5, lambda _: None) == [95 * 95]


@pytest.mark.usefixtures("forked")
def test_what_hangs_is_ended_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_processes, "PATIENCE", 4)
    found = in_parallel(work, [1, 92, 2], 0.5, lambda _: None)
    message = "it wasn't done after 2 seconds and was ended; the machine is busy, or it hangs"
    assert found == [1, Lost(message), 4]


class Unreadable:
    """A result whose pickle raises where it is read."""

    def __reduce__(self) -> tuple[type[int], tuple[str]]:
        return int, ("no number",)


def unreadable(item: int) -> object:
    return Unreadable() if item == 2 else item


@pytest.mark.usefixtures("forked")
def test_a_result_that_cant_be_read_is_lost_alone() -> None:
    found = in_parallel(unreadable, [1, 2, 3], SECONDS, lambda _: None)
    assert found == [1, Lost("its result can't be read: ValueError"), 3]


@pytest.mark.parametrize("error", [PermissionError, ImportError, AssertionError])
def test_without_processes_the_work_is_done_here(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise error

    monkeypatch.setattr(worker_processes, "_context", refuse)
    assert in_parallel(lambda item: item + os.getpid(), [1, 2], SECONDS, lambda _: None) == [
        1 + os.getpid(),
        2 + os.getpid(),
    ]


INTERRUPTED = """
import os, signal, time
from optgen.cli.worker_processes import in_parallel

def work(item):
    print(os.getpid(), flush=True)
    time.sleep(600)

signal.signal(signal.SIGINT, signal.default_int_handler)  # Jobs in the background ignore it.
try:
    in_parallel(work, [1, 2], 600.0, lambda _: None)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_an_interrupt_ends_all_processes() -> None:
    command = [sys.executable, "-c", INTERRUPTED]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = int(process.stdout.readline())
        os.killpg(process.pid, signal.SIGINT)
        try:
            rest, errors = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
        assert "interrupted" in rest
        assert errors == ""
    others = [int(line) for line in rest.split() if line.isdigit()]
    for pid in (first, *others):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
