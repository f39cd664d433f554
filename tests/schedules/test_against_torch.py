"""The schedules that Keras lacks, against torch, and against what was published."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from optgen.optimizers.schedules import (
    CosineDecayRestarts,
    LinearWarmup,
    OneCycle,
    WarmupStableDecay,
)


def rates(
    make: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler], start: float, count: int
) -> Iterator[float]:
    """The learning rate of each call, as torch has it."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=start)
    scheduler = make(optimizer)
    for _ in range(count):
        yield optimizer.param_groups[0]["lr"]
        optimizer.step()
        with warnings.catch_warnings():
            # SequentialLR passes an argument on that torch itself has deprecated.
            warnings.simplefilter("ignore")
            scheduler.step()


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize("total_steps", [7, 100, 1001])
@pytest.mark.parametrize("pct_start", [0.0, 0.02, 0.3, 0.5, 0.85])
def test_one_cycle(linear: bool, three_phase: bool, total_steps: int, pct_start: float) -> None:
    chosen: dict[str, Any] = {"div_factor": 10.0, "final_div_factor": 100.0}
    chosen |= {"three_phase": three_phase, "pct_start": pct_start, "total_steps": total_steps}
    torch_s = {**chosen, "anneal_strategy": "linear" if linear else "cos"}

    def make(optimizer: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
        return lr_scheduler.OneCycleLR(optimizer, 0.5, cycle_momentum=False, **torch_s)

    ours = OneCycle(0.5, linear_anneal=linear, **chosen)
    expected = list(rates(make, 0.5, total_steps))
    # Both round in float64; the largest value is 0.5.
    assert [ours(k) for k in range(total_steps)] == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert ours(10 * total_steps) == ours(total_steps - 1)


def test_the_defaults_of_one_cycle() -> None:
    def make(optimizer: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
        return lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=50, cycle_momentum=False)

    ours = OneCycle(0.1, 50)
    expected = list(rates(make, 0.1, 50))
    assert [ours(k) for k in range(50)] == pytest.approx(expected, rel=1e-12)


def test_one_cycle_with_its_peak_at_the_first_call() -> None:
    # torch divides by zero there.
    assert OneCycle(0.5, 10, pct_start=0.1)(0) == pytest.approx(0.5)


@pytest.mark.parametrize("t_mul", [1, 2, 3, 9])
def test_restarts_come_at_the_call_where_they_are_due(t_mul: int) -> None:
    """Equation 5 of arXiv:1608.03983; torch and Keras are a call late where a log is rounded."""
    ours = CosineDecayRestarts(1.0, 7, t_mul=t_mul)
    begin, length = 0, 7
    for _ in range(7):
        for passed in (0, 1, length - 1):
            expected = (1 + math.cos(math.pi * passed / length)) / 2
            assert ours(begin + passed) == pytest.approx(expected, abs=1e-9)
        begin, length = begin + length, length * t_mul


@pytest.mark.parametrize(("first", "last"), [(0.1, 1.0), (0.0, 0.3), (1.0, 0.5)])
def test_linear_warmup(first: float, last: float) -> None:
    def make(optimizer: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
        # torch's factors are of the optimizer's own rate, and may not begin at 0.
        return lr_scheduler.LinearLR(
            optimizer, start_factor=max(first, 1e-30), end_factor=last, total_iters=40
        )

    ours = LinearWarmup(first, last, 40)
    expected = list(rates(make, 1.0, 100))
    # torch multiplies the rate of the call before: rounding adds up over 40 calls.
    assert [ours(k) for k in range(100)] == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_warm_up_and_a_linear_fall_around_a_constant() -> None:
    def make(optimizer: torch.optim.Optimizer) -> lr_scheduler.LRScheduler:
        parts: list[lr_scheduler.LRScheduler] = [
            lr_scheduler.LinearLR(optimizer, start_factor=0.25, end_factor=1.0, total_iters=20),
            lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=50),
            lr_scheduler.LinearLR(optimizer, start_factor=1.0, end_factor=0.1, total_iters=30),
        ]
        return lr_scheduler.SequentialLR(optimizer, parts, milestones=[20, 70])

    ours = WarmupStableDecay(
        0.4, 20, 50, 30, initial_learning_rate=0.1, end_learning_rate=0.04, linear_decay=True
    )
    expected = list(rates(make, 0.4, 120))
    assert [ours(k) for k in range(120)] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize(("warmup", "total", "fall"), [(10, 100, 20), (0, 50, 50), (30, 90, 1)])
def test_the_published_trapezoid(linear: bool, warmup: int, total: int, fall: int) -> None:
    """Section 3 of arXiv:2405.18392: eta(n) for N steps, N_warmup and N_decay."""
    ours = WarmupStableDecay(2.0, warmup, total - warmup - fall, fall, linear_decay=linear)
    for n in range(total + 1):
        part = (n - (total - fall)) / fall
        if n < warmup:
            expected = n / warmup * 2.0
        elif n <= total - fall:
            expected = 2.0
        else:
            expected = 2.0 * (1 - part if linear else 1 - math.sqrt(part))
        assert ours(n) == pytest.approx(expected, abs=1e-12)
    assert ours(total + 1000) == ours(total) == 0
