"""torch's classes on a simulated device: captured steps, and updates inside of backward."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import optgen.torch as fused
from tests.simulator.test_graphs import Recorder, capture
from tests.simulator.test_torch_halves import on_device

__all__ = ["capture", "on_device"]


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))


def give(params: list[Any]) -> None:
    torch.manual_seed(1)
    for param in params:
        param.grad = torch.randn(param.shape)


def ages(optimizer: torch.optim.Optimizer) -> set[float]:
    return {float(own["step"]) for own in optimizer.state.values()}


@pytest.mark.usefixtures("on_device")
@pytest.mark.parametrize(
    "setting", [{}, {"global_clipnorm": 0.5}, {"gradient_accumulation_steps": 2}], ids=str
)
def test_replays_of_a_step_are_steps(capture: Recorder, setting: dict[str, Any]) -> None:
    ours, theirs = ([*network().parameters()] for _ in range(2))
    one = fused.Adam(ours, lr=0.1, capturable=True, **setting)
    other = fused.Adam(theirs, lr=0.1, **setting)
    give(ours)
    give(theirs)
    one.step()
    replay = capture(one.step)
    for _ in range(3):
        replay()
    for _ in range(5):
        other.step()
    for mine, its in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-6, atol=1e-7)
    assert ages(one) == ages(other)
    # A rate that a scheduler set counts in replays, once it is brought there.
    for optimizer in (one, other):
        optimizer.param_groups[0]["lr"] = 0.5
    one.renew()
    for _ in range(2):
        replay()
        other.step()
    one.step()
    other.step()
    for mine, its in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-6, atol=1e-7)
    assert ages(one) == ages(other)


@pytest.mark.usefixtures("on_device")
def test_a_run_goes_on_from_the_state_of_a_captured_one(capture: Recorder) -> None:
    ours, theirs = ([*network().parameters()] for _ in range(2))
    one, other = fused.Adam(ours, lr=0.1, capturable=True), fused.Adam(theirs, lr=0.1)
    give(ours)
    give(theirs)
    one.step()
    replay = capture(one.step)
    replay()
    for _ in range(3):
        other.step()
    saved = one.state_dict()
    again = fused.Adam(ours, lr=0.1, capturable=True)
    again.load_state_dict(saved)
    again.step()
    other.step()
    for mine, its in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-6, atol=1e-7)
    assert ages(again) == {4.0}


@pytest.mark.usefixtures("on_device")
def test_parameters_of_several_ages_are_refused() -> None:
    params = [*network().parameters()]
    optimizer = fused.Adam(params, lr=0.1, capturable=True)
    give(params)
    optimizer.step()
    params[0].grad = None
    with pytest.raises(ValueError, match="in each step, or in none"):
        optimizer.step()


@pytest.mark.usefixtures("on_device")
def test_a_step_that_the_host_counts_isn_t_captured(capture: Recorder) -> None:
    params = [*network().parameters()]
    optimizer = fused.Adam(params, lr=0.1)
    give(params)
    optimizer.step()
    with pytest.raises(RuntimeError, match="set capturable=True"):
        capture(optimizer.step)


@pytest.mark.usefixtures("on_device")
@pytest.mark.parametrize(
    "setting",
    [
        {},
        {"clipnorm": 0.5, "gradient_accumulation_steps": 2},
        {"global_clipnorm": 0.5, "gradient_accumulation_steps": 2},
    ],
    ids=str,
)
def test_updates_inside_of_backward(setting: dict[str, Any], calls: list[str]) -> None:
    found = []
    for in_backward in (True, False):
        model = network()
        optimizer = fused.Adam(model.parameters(), lr=0.1, **setting)
        if in_backward:
            optimizer.in_backward()
        for step in range(4):
            optimizer.zero_grad()
            inputs = torch.randn(4, 6, generator=torch.Generator().manual_seed(step))
            loss: Any = (model(inputs) ** 2).mean()
            loss.backward()
            optimizer.step()
        found.append([param.detach() for param in model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))
    assert calls.count("update") > 0
