"""Steps on the host are those where parameters are. Here the host stands for the device, too."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import optgen
import optgen.torch as fused
from optgen.torch import offload, optimizer_class
from optgen.torch.transfers import Transfers
from tests.torch.training import assert_equal, network, values

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "clipped": {"global_clipnorm": 0.3},
    "averaged": {"use_ema": True, "ema_momentum": 0.5},
    "gathered": {"gradient_accumulation_steps": 2, "global_clipnorm": 0.3},
}
EARLY = pytest.mark.parametrize("early", [False, True], ids=["in step", "in backward"])
Make = Callable[[Any], Any]


def loss_of(model: torch.nn.Module, step: int) -> Any:
    """A loss in which the last layer takes no part in some steps."""
    inputs = torch.randn(4, 6, generator=torch.Generator().manual_seed(step))
    layers = list(model.children())
    for layer in layers[:-1] if step % 3 == 1 else layers:
        inputs = layer(inputs)
    return (inputs**2).mean()


def learn(make: Make, dtype: torch.dtype = torch.float32, steps: int = 5) -> list[torch.Tensor]:
    model = network(torch.float32)
    optimizer = make(model.parameters())
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.8)
    for step in range(steps):
        optimizer.zero_grad()
        loss_of(model, step).backward()
        optimizer.step()
        scheduler.step()
    states = [optimizer.state[param] for param in model.parameters()]
    kept = [own[name].clone() for own in states for name in sorted(own)]
    return [*values(list(model.parameters())), *kept]


@pytest.fixture(params=[False, True], ids=["at once", "one by one"])
def in_pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether copies are updated as their gradients arrive, as they are beside a device."""
    found = bool(request.param)
    monkeypatch.setattr(Transfers, "are_asynchronous", property(lambda _: found))
    return found


@EARLY
@pytest.mark.usefixtures("in_pieces")
@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_the_same_numbers_with_clipping_and_schedulers(
    setting: dict[str, Any], early: bool
) -> None:
    arguments = {"lr": 0.05, **setting}
    found = learn(lambda params: offload(fused.Adam, params, in_backward=early, **arguments))
    assert_equal(found, learn(lambda params: fused.Adam(params, **arguments)))


def test_torch_s_own_classes_are_offloaded_too() -> None:
    for kind in (torch.optim.AdamW, fused.AdamW):
        found = learn(lambda params, kind=kind: offload(kind, params, lr=0.05))  # type: ignore[misc]
        expected = learn(lambda params: torch.optim.AdamW(params, lr=0.05))
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other.to(one.dtype), rtol=1e-5, atol=1e-7)


def test_gradients_are_freed_in_backward_and_add_up() -> None:
    found = []
    for early in (True, False):
        model = network(torch.float32)
        optimizer = offload(fused.RMSprop, model.parameters(), lr=0.1, in_backward=early)
        for step in (0, 2, 3):
            loss_of(model, step).backward()
            assert all((param.grad is None) == early for param in model.parameters())
        optimizer.step()
        found.append(values(list(model.parameters())))
    assert_equal(*found)


def test_gradients_may_be_clipped_by_torch_before_the_step() -> None:
    found = []
    for make in (lambda p: offload(fused.SGD, p, lr=1.0), lambda p: torch.optim.SGD(p, lr=1.0)):
        model = network(torch.float32)
        optimizer = make(model.parameters())
        loss_of(model, 0).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        optimizer.step()
        found.append(values(list(model.parameters())))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-8)


def test_parameters_that_were_changed_on_the_device() -> None:
    found = []
    for make in (lambda p: offload(fused.Adam, p, lr=0.1), lambda p: fused.Adam(p, lr=0.1)):
        model: Any = network(torch.float32)
        optimizer = make(model.parameters())
        weights = [torch.full_like(param, 0.3) for param in model.parameters()]
        for step in range(3):
            if step == 1:
                model.load_state_dict(dict(zip(model.state_dict(), weights, strict=True)))
            if step == 2:
                model[0].weight.data = torch.full_like(model[0].weight, 0.1)
            optimizer.zero_grad()
            loss_of(model, 0).backward()
            optimizer.step()
        found.append(values(list(model.parameters())))
    assert_equal(*found)


@EARLY
def test_state_dictionaries_are_those_of_the_class(early: bool, tmp_path: Path) -> None:
    model = network(torch.float32)
    optimizer = offload(fused.AdamW, model.named_parameters(), lr=0.05, in_backward=early)
    for step in range(2):
        loss_of(model, step).backward()
        optimizer.step()
        optimizer.zero_grad()
    torch.save(optimizer.state_dict(), tmp_path / "state.pt")
    weights = copy.deepcopy(model.state_dict())
    found = []
    for make in (lambda p: offload(fused.AdamW, p), fused.AdamW, torch.optim.AdamW):
        model.load_state_dict(weights)
        other = make(model.named_parameters())
        other.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
        assert other.param_groups[0]["lr"] == 0.05
        loss_of(model, 2).backward()
        other.step()
        other.zero_grad()
        found.append(values(list(model.parameters())))
    assert_equal(*found[:2])
    for one, another in zip(found[0], found[2], strict=True):
        torch.testing.assert_close(one, another, rtol=1e-5, atol=1e-7)


def test_averages_are_on_the_device_inside_of_their_context() -> None:
    found = []
    for make in (lambda *a, **k: offload(fused.SGD, *a, **k), fused.SGD):
        weight: Any = torch.ones(3, requires_grad=True)
        optimizer = make([weight], lr=0.5, use_ema=True, ema_momentum=0.5)
        for _ in range(3):
            weight.grad = torch.ones(3)
            optimizer.step()
        with optimizer.averaged():
            inside = weight.detach().clone()
        between = weight.detach().clone()
        optimizer.finalize()
        found.append([inside, between, weight.detach().clone()])
    assert_equal(*found)
    assert not torch.equal(found[0][0], found[0][1])


def test_a_second_point_and_the_norm_of_gradients() -> None:
    found = []
    kind = optimizer_class(optgen.compile("sgd", "sam"))
    for make in (lambda *a, **k: offload(kind, *a, **k), kind):
        weight: Any = torch.tensor([3.0, 4.0], requires_grad=True)
        optimizer = make([weight], lr=0.25, sam_radius=0.5, global_clipnorm=1.0)
        for move in (optimizer.perturb, optimizer.step):
            optimizer.zero_grad()
            (0.5 * weight**2).sum().backward()
            move()
        found.append([weight.detach().clone(), torch.tensor(optimizer.gradient_norm)])
    assert_equal(*found)


def test_groups_that_come_later_and_refusals() -> None:
    first, second = (torch.ones(3, requires_grad=True) for _ in range(2))
    optimizer = offload(fused.SGD, [first], lr=0.5)
    with pytest.raises(ValueError, match="lr"):
        optimizer.add_param_group({"params": [second], "lr": -1.0})
    assert len(optimizer.param_groups) == 1
    optimizer.add_param_group({"params": [second], "lr": 0.25})
    first.grad = second.grad = torch.ones(3)
    optimizer.step()
    assert_equal([first.detach(), second.detach()], [torch.full((3,), 0.5), torch.full((3,), 0.75)])
    with pytest.raises(TypeError, match="save its state_dict"):
        copy.deepcopy(optimizer)
    first.grad = torch.ones(3).to_sparse()
    optimizer.step()
    assert torch.equal(first.detach(), torch.zeros(3))
