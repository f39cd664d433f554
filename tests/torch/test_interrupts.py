"""An interrupted step of torch's front end is made, or not made."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import torch

import optgen.torch
from tests.interrupts import is_interrupted

Tensor = torch.Tensor


def built() -> tuple[Any, list[Tensor]]:
    kinds = (torch.float32, torch.float64, torch.bfloat16)
    params = [torch.full((3,), 1.0 + k, dtype=kind) for k, kind in enumerate(kinds)]
    groups = [{"params": params[:1]}, {"params": params[1:], "lr": 0.5}]
    return optgen.torch.SGD(groups, lr=0.1, momentum=0.9), params


def everything(optimizer: Any, params: list[Tensor]) -> list[Any]:
    states = [value.tolist() for p in params for value in optimizer.state[p].values()]
    counts = [group.get("calls") for group in optimizer.param_groups]
    own = optimizer._core.counters.calls, optimizer._core.counters.updates
    return [counts, own, states, [p.tolist() for p in params]]


@pytest.fixture(autouse=True)
def _gradients_are_on() -> Iterator[None]:
    """An interrupt inside of torch's ``no_grad`` may leave it on."""
    yield
    torch.set_grad_enabled(True)


@pytest.mark.compiled
def test_a_step_is_whole_or_not_made() -> None:
    victim, other = built(), built()
    made = 0
    for place in count(-3):
        for _, params in (victim, other):
            for param in params:
                param.grad = torch.full_like(param, 0.5)
        was_interrupted = place >= 0 and is_interrupted(victim[0].step, place)
        if place < 0:
            victim[0].step()
        if place < 0 or everything(*victim) != everything(*other):
            other[0].step()
            made += 1
            assert everything(*victim) == everything(*other), f"place {place}"
        if place >= 0 and not was_interrupted:
            break
    assert 4 < made < place
