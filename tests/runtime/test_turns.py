"""Threads take turns with one optimizer, and functions that a step calls don't break it."""

from __future__ import annotations

import copy
import os
import pickle
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optgen.optimizers import SGD
from optgen.runtime import Array


def test_saves_and_copies_in_a_thread_wait_for_steps(tmp_path: Path) -> None:
    """The momentum is the number of steps in every element; a mixture would show."""
    optimizer, size = SGD(1.0, 1.0), 50_000
    optimizer.build({"a": np.zeros(size, np.float32), "b": np.zeros(size)})
    gradients = {"a": np.ones(size, np.float32), "b": np.ones(size)}
    optimizer.apply(gradients)
    ended = threading.Event()

    def train() -> None:
        while not ended.is_set():
            optimizer.apply(gradients)
            # As a pass through a model does, this lets others have their turn.
            time.sleep(1e-3)

    thread = threading.Thread(target=train)
    thread.start()
    try:
        for trial in range(12):
            if trial % 2:
                found = copy.deepcopy(optimizer)
            else:
                optimizer.save(tmp_path / "a")
                found = SGD(1.0, 1.0)
                found.build({"a": np.zeros(size, np.float32), "b": np.zeros(size)})
                found.load(tmp_path / "a")
            for own in found.state.values():
                assert (abs(own["momentum_buffer"]) == found.iterations).all()
    finally:
        ended.set()
        thread.join()


def test_steps_of_two_threads_are_all_made() -> None:
    variable = np.zeros(50)
    optimizer = SGD(1.0)
    optimizer.build([variable])
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [
            threading.Thread(target=lambda: [optimizer.apply([-np.ones(50)]) for _ in range(200)])
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert optimizer.iterations == 600
    assert (variable == 600).all()


@pytest.mark.parametrize(
    "act",
    [
        lambda optimizer: optimizer.apply([np.ones(2)]),
        lambda optimizer: optimizer.save("never"),
        lambda optimizer: optimizer.save_own_variables({}),
        lambda optimizer: optimizer.finalize_variable_values(),
        lambda optimizer: optimizer.averaged().__enter__(),
        copy.deepcopy,
        pickle.dumps,
    ],
)
def test_a_function_that_a_step_calls_may_not_break_it(act: Callable[[Any], object]) -> None:
    def constraint(array: Array) -> Array:
        if optimizer.built:
            assert optimizer.iterations == 0
            act(optimizer)
        return array

    variable = np.ones(2)
    optimizer = SGD(1.0, use_ema=True, constraints={"*": constraint})
    optimizer.build([variable])
    with pytest.raises(RuntimeError, match="no function that a step calls may"):
        optimizer.apply([np.ones(2)])
    assert variable.tolist() == [1, 1]
    assert optimizer.iterations == 0


class Waiting:
    """A constraint that waits in one step."""

    def __init__(self) -> None:
        self.waits, self.began, self.ends = False, threading.Event(), threading.Event()

    def __call__(self, array: Array) -> Array:
        if self.waits:
            self.began.set()
            assert self.ends.wait(60)
        return array


def test_averages_wait_for_the_step_of_another_thread() -> None:
    constraint, variable = Waiting(), np.zeros(2)
    optimizer = SGD(1.0, use_ema=True, ema_momentum=0.5, constraints={"*": constraint})
    optimizer.build([variable])
    optimizer.apply([np.ones(2)])
    constraint.waits = True
    found: list[Any] = []

    def evaluate() -> None:
        with optimizer.averaged():
            found.append(variable.tolist())

    threads = [
        threading.Thread(target=optimizer.apply, args=([np.ones(2)],)),
        threading.Thread(target=evaluate),
    ]
    threads[0].start()
    assert constraint.began.wait(60)
    threads[1].start()
    threads[1].join(0.05)
    assert threads[1].is_alive()
    assert not found
    constraint.ends.set()
    for thread in threads:
        thread.join()
    assert found == [[-1.5, -1.5]]
    assert variable.tolist() == [-2, -2]


def test_two_threads_that_enter_averaged_at_once_lose_no_values() -> None:
    variable = np.zeros(2)
    optimizer = SGD(1.0, use_ema=True, ema_momentum=0.5)
    optimizer.build([variable])
    for _ in range(2):
        optimizer.apply([np.ones(2)])
    at_door, inside, entered, refused = threading.Barrier(3), threading.Event(), [], []

    def evaluate() -> None:
        at_door.wait(60)
        try:
            with optimizer.averaged():
                entered.append(variable.tolist())
                inside.wait(60)
        except RuntimeError as error:
            refused.append(str(error))
            inside.set()

    threads = [threading.Thread(target=evaluate) for _ in range(2)]
    for thread in threads:
        thread.start()
    # Both wait at the lock, where neither has marked the optimizer yet.
    with optimizer._core.turn.lock:
        at_door.wait(60)
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    assert entered == [[-1.5, -1.5]]
    assert refused == ["averaged() can't be entered twice"]
    assert variable.tolist() == [-2, -2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't be forked here")
@pytest.mark.parametrize("is_of_this_thread", [False, True])
def test_a_fork_inside_averaged(is_of_this_thread: bool) -> None:
    """The child of the thread that is inside goes on; any other has averages for good."""
    variable = np.zeros(2)
    optimizer = SGD(1.0, use_ema=True)
    optimizer.build([variable])
    optimizer.apply([np.ones(2)])
    optimizer.apply([np.ones(2)])
    inside, ended = threading.Event(), threading.Event()

    def evaluate(act: Callable[[], object]) -> None:
        with optimizer.averaged():
            act()

    def hold() -> None:
        inside.set()
        ended.wait(60)

    def fork() -> int:
        children.append(os.fork())
        return children[0]

    children: list[int] = []
    if is_of_this_thread:
        evaluate(fork)
    else:
        thread = threading.Thread(target=evaluate, args=(hold,))
        thread.start()
        assert inside.wait(60)
        fork()
    if not children[0]:
        try:
            optimizer.apply([np.ones(2)])
            os._exit(0 if variable.tolist() == [-3, -3] else 1)
        except RuntimeError as error:
            os._exit(2 if "forked while another thread was inside averaged()" in str(error) else 3)
    ended.set()
    if not is_of_this_thread:
        thread.join()
    code = os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1])
    assert code == (0 if is_of_this_thread else 2)
    optimizer.apply([np.ones(2)])
    assert variable.tolist() == [-3, -3]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't be forked here")
def test_a_fork_while_another_thread_saves() -> None:
    optimizer = SGD(1.0)
    optimizer.build([np.ones(2)])
    held, ended = threading.Event(), threading.Event()

    def hold() -> None:
        with optimizer._core.turn.lock:
            held.set()
            ended.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if not child:
        optimizer.apply([np.ones(2)])
        os._exit(optimizer.iterations)
    ended.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
