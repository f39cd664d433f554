"""Updates inside of the backward pass are those of steps behind it."""

from __future__ import annotations

import copy
import gc
from collections.abc import Callable
from typing import Any

import pytest
import torch

import optgen
import optgen.torch as fused
from optgen.torch import FusedOptimizer, optimizer_class
from tests.torch.training import CLASSES, assert_equal, network, values

Make = Callable[[Any], FusedOptimizer]
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "clipped": {"clipnorm": 0.3, "weight_decay": 0.1},
    "averaged": {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3},
    "gathered": {"gradient_accumulation_steps": 2, "clipnorm": 0.3},
    "joint": {"gradient_accumulation_steps": 2, "global_clipnorm": 0.1},
    "rounded": {"state_dtype": "bfloat16", "rounding": "stochastic"},
}


def loss_of(model: torch.nn.Module, step: int) -> Any:
    """A loss in which the last layer takes no part in some steps."""
    inputs = torch.randn(4, 6, generator=torch.Generator().manual_seed(step))
    layers = list(model.children())
    for layer in layers[:-1] if step % 3 == 1 else layers:
        inputs = layer(inputs)
    return (inputs**2).mean()


def learn(make: Make, *, in_backward: bool, steps: int = 6) -> list[torch.Tensor]:
    model = network(torch.float32)
    optimizer = make(model.parameters())
    if in_backward:
        optimizer.in_backward()
    for step in range(steps):
        optimizer.zero_grad()
        loss_of(model, step).backward()
        assert not in_backward or all(param.grad is None for param in model.parameters())
        optimizer.step()
    states = [optimizer.state[param] for param in model.parameters()]
    kept = [own[name].clone() for own in states for name in sorted(own)]
    return [*values(list(model.parameters())), *kept]


@pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
def test_every_class_makes_the_same_updates(kind: Any) -> None:
    def make(params: Any) -> FusedOptimizer:
        made: FusedOptimizer = kind(params, lr=0.05)
        return made

    assert_equal(learn(make, in_backward=True), learn(make, in_backward=False))


@pytest.mark.compiled
@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_settings_of_the_optimizer_hold(setting: dict[str, Any]) -> None:
    def make(params: Any) -> FusedOptimizer:
        made: FusedOptimizer = fused.Adam(params, lr=0.05, **setting)
        return made

    assert_equal(learn(make, in_backward=True), learn(make, in_backward=False))


def test_numbers_that_all_parameters_share_where_gradients_are_gathered() -> None:
    kind = optimizer_class(optgen.compile("prodigy"))
    arguments = {"gradient_accumulation_steps": 3, "use_ema": True}
    make = lambda params: kind(params, **arguments)  # noqa: E731
    assert_equal(*(learn(make, in_backward=which, steps=7) for which in (True, False)))


def test_it_is_what_torch_shows_with_an_optimizer_for_each_parameter() -> None:
    models = [network(torch.float32) for _ in range(2)]
    ours, theirs = models
    optimizer = fused.Adam(ours.parameters(), lr=0.05)
    optimizer.in_backward()
    params: list[Any] = list(theirs.parameters())
    own = {param: torch.optim.Adam([param], lr=0.05) for param in params}

    def hook(param: torch.Tensor) -> None:
        own[param].step()
        own[param].zero_grad()

    for param in params:
        param.register_post_accumulate_grad_hook(hook)
    for step in range(8):
        for model in models:
            loss_of(model, step).backward()
        optimizer.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)


def test_a_backward_pass_holds_one_gradient_at_a_time() -> None:
    model = torch.nn.Sequential(*(torch.nn.Linear(5, 5) for _ in range(6)))
    params: list[Any] = list(model.parameters())
    held: list[int] = []
    for param in params:
        param.register_post_accumulate_grad_hook(
            lambda _: held.append(sum(one.grad is not None for one in params))
        )
    optimizer = fused.SGD(params, lr=0.1, momentum=0.9)
    optimizer.in_backward()
    model(torch.ones(2, 5)).sum().backward()
    # The hooks above run before the optimizer's.
    assert held == [1] * len(params)


def test_weights_used_twice_and_weights_with_gaps() -> None:
    found = []
    for in_backward in (True, False):
        torch.manual_seed(0)
        shared: Any = torch.randn(4, 4).requires_grad_()
        gaps: Any = torch.randn(4, 8)[:, ::2].requires_grad_()
        optimizer = fused.RMSprop([shared, gaps], lr=0.1)
        if in_backward:
            optimizer.in_backward()
        for _ in range(3):
            optimizer.zero_grad()
            ((shared @ gaps @ shared.T).sin() ** 2).sum().backward()
            optimizer.step()
        found.append(values([shared, gaps]))
    assert_equal(*found)


def test_closures_schedulers_and_minimize() -> None:
    found = []
    for in_backward in (True, False):
        model = network(torch.float32)
        optimizer = fused.AdamW(model.parameters(), lr=0.1)
        if in_backward:
            optimizer.in_backward()
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)

        def closure(model: Any = model, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = loss_of(model, 0)
            loss.backward()
            return loss

        for _ in range(2):
            optimizer.step(closure)
            scheduler.step()
        optimizer.minimize(lambda model=model: loss_of(model, 2))  # type: ignore[misc]
        found.append(values(list(model.parameters())))
    assert_equal(*found)


def test_gradients_without_backward_and_parameters_that_come_later() -> None:
    found = []
    for in_backward in (True, False):
        params: list[Any] = [torch.ones(3, requires_grad=True) for _ in range(3)]
        one, other, last = params
        optimizer = fused.Adam([one, other], lr=0.1)
        if in_backward:
            optimizer.in_backward()
        optimizer.add_param_group({"params": [last], "lr": 0.2})
        for number in range(3):
            optimizer.zero_grad()
            (one.sin() + last**2).sum().backward()
            assert not in_backward or (last.grad is None) == (number > 0)
            other.grad = torch.full((3,), 0.5)
            optimizer.step()
        found.append(values(params))
    assert_equal(*found)


def test_a_second_backward_needs_a_step_between() -> None:
    model = network(torch.float32)
    optimizer = fused.SGD(model.parameters(), lr=0.1)
    optimizer.in_backward()
    loss_of(model, 0).backward()
    with pytest.raises(RuntimeError, match=r"call step\(\) after each backward"):
        loss_of(model, 0).backward()
    optimizer.zero_grad()
    optimizer.step()
    loss_of(model, 0).backward()


def test_nothing_is_saved_in_the_middle_and_loading_begins_anew() -> None:
    model = network(torch.float32)
    optimizer = fused.Adam(model.parameters(), lr=0.1)
    optimizer.in_backward()
    loss_of(model, 0).backward()
    optimizer.step()
    saved, weights = copy.deepcopy(optimizer.state_dict()), copy.deepcopy(model.state_dict())
    loss_of(model, 2).backward()
    for save in (optimizer.state_dict, lambda: copy.deepcopy(optimizer)):
        with pytest.raises(RuntimeError, match="make the step that ends the call first"):
            save()
    optimizer.load_state_dict(saved)
    model.load_state_dict(weights)
    loss_of(model, 2).backward()
    optimizer.step()
    after = values(list(model.parameters()))
    assert {float(own["step"]) for own in optimizer.state.values()} == {2.0}
    model.load_state_dict(weights)
    other = fused.Adam(model.parameters(), lr=0.1)
    other.load_state_dict(saved)
    optimizer.in_backward().remove()
    loss_of(model, 2).backward()
    other.step()
    assert_equal(after, values(list(model.parameters())))


def test_hooks_end_with_remove_and_with_their_optimizer() -> None:
    model = network(torch.float32)
    optimizer = fused.SGD(model.parameters(), lr=0.1)
    optimizer.in_backward().remove()
    loss_of(model, 0).backward()
    assert all(param.grad is not None for param in model.parameters())
    optimizer.in_backward()
    del optimizer
    gc.collect()
    before = values(list(model.parameters()))
    loss_of(model, 0).backward()
    assert_equal(before, values(list(model.parameters())))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda p: fused.SGD(p, lr=0.1, global_clipnorm=1.0), "the norm of all gradients is known"),
        (optimizer_class(optgen.compile("prodigy")), "all parameters"),
        (
            lambda p: optimizer_class(optgen.compile("sgd", "sam"))(p, lr=0.1, sam_radius=0.5),
            "a second gradient",
        ),
    ],
    ids=["global norm", "shared number", "second point"],
)
def test_what_needs_all_gradients_together_is_refused(make: Make, reason: str) -> None:
    with pytest.raises(ValueError, match=f"inside of backward: .*{reason}"):
        make([torch.ones(3, requires_grad=True)]).in_backward()


def test_arguments_that_are_off_refuse_nothing() -> None:
    params: list[Any] = [torch.ones(3, requires_grad=True)]
    optimizer = optimizer_class(optgen.compile("sgd", "sam"))(params, lr=0.1)
    optimizer.in_backward()
    params[0].sum().backward()
    optimizer.step()
    torch.testing.assert_close(params[0].detach(), torch.full((3,), 0.9))
