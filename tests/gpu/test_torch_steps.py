"""torch's classes on a GPU: captured steps, updates inside of backward, and steps on the host."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.gpu.test_libraries import cuda_torch


def networks(torch: Any) -> tuple[Any, Any]:
    torch.manual_seed(0)
    ours = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.Tanh(), torch.nn.Linear(128, 10))
    ours = ours.cuda()
    return ours, copy.deepcopy(ours)


def loss_of(torch: Any, model: Any, step: int) -> Any:
    generator = torch.Generator().manual_seed(step)
    inputs = torch.randn(32, 64, generator=generator).cuda()
    return (model(inputs) ** 2).mean()


def assert_close(torch: Any, ours: Any, theirs: Any) -> None:
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_a_whole_training_step_in_a_graph() -> None:
    torch = cuda_torch()
    fused = pytest.importorskip("optgen.torch")
    ours, theirs = networks(torch)
    one = fused.Adam(ours.parameters(), lr=0.01, capturable=True)
    other = torch.optim.Adam(theirs.parameters(), lr=0.01)
    inputs = torch.ones(32, 64, device="cuda")

    def train(model: Any, optimizer: Any) -> None:
        optimizer.zero_grad()
        (model(inputs) ** 2).mean().backward()
        optimizer.step()

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            train(ours, one)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        train(ours, one)
    for step in range(4):
        if step == 2:
            for optimizer in (one, other):
                optimizer.param_groups[0]["lr"] = 0.1
            one.renew()
        graph.replay()
        if step == 1:
            torch.cuda.synchronize()
    for step in range(7):
        other.param_groups[0]["lr"] = 0.01 if step < 5 else 0.1
        train(theirs, other)
    torch.cuda.synchronize()
    assert_close(torch, ours, theirs)
    assert {float(own["step"]) for own in one.state.values()} == {7.0}


def test_updates_inside_of_backward_free_gradients() -> None:
    torch = cuda_torch()
    fused = pytest.importorskip("optgen.torch")
    ours, theirs = networks(torch)
    one = fused.Adam(ours.parameters(), lr=0.01)
    other = torch.optim.Adam(theirs.parameters(), lr=0.01)
    one.in_backward()
    for step in range(5):
        loss_of(torch, ours, step).backward()
        assert all(param.grad is None for param in ours.parameters())
        one.step()
        other.zero_grad()
        loss_of(torch, theirs, step).backward()
        other.step()
    assert_close(torch, ours, theirs)


@pytest.mark.parametrize("in_backward", [False, True])
@pytest.mark.parametrize("setting", [{}, {"global_clipnorm": 0.1}], ids=str)
def test_states_and_steps_on_the_host(setting: dict[str, Any], in_backward: bool) -> None:
    torch = cuda_torch()
    fused = pytest.importorskip("optgen.torch")
    ours, theirs = networks(torch)
    one = fused.offload(fused.AdamW, ours.parameters(), in_backward=in_backward, lr=0.01, **setting)
    other = torch.optim.AdamW(theirs.parameters(), lr=0.01)
    for step in range(5):
        one.zero_grad()
        loss_of(torch, ours, step).backward()
        one.step()
        other.zero_grad()
        loss_of(torch, theirs, step).backward()
        if setting:
            torch.nn.utils.clip_grad_norm_(theirs.parameters(), setting["global_clipnorm"])
        other.step()
    assert_close(torch, ours, theirs)
    assert all(own["exp_avg"].is_cpu for own in one.state.values())


def test_a_compiled_function_contains_a_step() -> None:
    torch = cuda_torch()
    fused = pytest.importorskip("optgen.torch")
    ours, theirs = networks(torch)
    one = fused.AdamW(ours.parameters(), lr=0.01)
    other = fused.AdamW(theirs.parameters(), lr=0.01)
    step = torch.compile(one.step, fullgraph=True)
    for number in range(4):
        for model, move in ((ours, step), (theirs, other.step)):
            model.zero_grad()
            loss_of(torch, model, number).backward()
            move()
    assert_close(torch, ours, theirs)
