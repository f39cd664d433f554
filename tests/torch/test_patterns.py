"""What training loops do around an optimizer ends where it does with torch's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import optgen.torch as fused
from tests.torch.training import network

Run = Callable[[Any, nn.Module], None]
GENERATOR = torch.Generator().manual_seed(0)
INPUTS, TARGETS = torch.randn(16, 6, generator=GENERATOR), torch.randn(16, 3, generator=GENERATOR)


def loss_of(model: nn.Module) -> torch.Tensor:
    found: torch.Tensor = ((model(INPUTS) - TARGETS) ** 2).mean()
    return found


def train(model: nn.Module, optimizer: Any, steps: int = 3) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of(model).backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def layers(model: Any) -> tuple[Any, Any]:
    return model[0], model[2]


def freezes(module: Any, model: nn.Module) -> None:
    optimizer = module.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    for requires in (True, False, True):
        layers(model)[0].requires_grad_(requires)
        train(model, optimizer)


def adds_a_group(module: Any, model: nn.Module) -> None:
    first, last = layers(model)
    optimizer = module.AdamW(first.parameters(), lr=0.01)
    train(model, optimizer)
    optimizer.add_param_group({"params": last.parameters(), "lr": 0.05})
    train(model, optimizer)


def sets_hyperparameters(module: Any, model: nn.Module) -> None:
    optimizer = module.AdamW(model.parameters())
    group = optimizer.param_groups[0]
    group["lr"] = torch.tensor(0.02)
    train(model, optimizer)
    group["lr"].mul_(0.5)
    group["betas"] = (0.5, 0.6)
    train(model, optimizer)


def scales_with_a_group_more(module: Any, model: nn.Module) -> None:
    first, last = layers(model)
    optimizer, scaler = module.Adam(first.parameters(), lr=0.01), torch.amp.GradScaler("cpu")
    for number in range(4):
        if number == 2:
            group = optimizer.param_groups[0]
            optimizer.param_groups.append({**group, "params": [*last.parameters()], "lr": 0.1})
        optimizer.zero_grad()
        scaler.scale(loss_of(model)).backward()  # type: ignore[no-untyped-call]
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()


def clears_to_zero(module: Any, model: nn.Module) -> None:
    optimizer = module.Adam(model.parameters(), lr=0.01)
    train(model, optimizer)
    optimizer.zero_grad(set_to_none=False)
    optimizer.step()


def hooks(module: Any, model: nn.Module) -> None:
    optimizer = module.Adam(model.parameters(), lr=0.01)
    (weight, *_) = model.parameters()

    def after(changed: Any, *_: Any) -> None:
        changed.state[weight]["exp_avg"].mul_(0.5)
        weight.data.clamp_(-0.3, 0.3)

    optimizer.register_step_post_hook(after)
    train(model, optimizer)


def puts_parameters_in_place_of_others(module: Any, model: nn.Module) -> None:
    """As a wrapper does that moves a model elsewhere, with the states left behind."""
    optimizer = module.AdamW(model.parameters(), lr=0.01)
    train(model, optimizer)
    moved = {}
    for layer in layers(model):
        for name, param in [*layer.named_parameters()]:
            moved[param] = nn.Parameter(param.detach().clone())
            setattr(layer, name, moved[param])
    for group in optimizer.param_groups:
        group["params"] = [moved[param] for param in group["params"]]
    train(model, optimizer)


def swaps_memory(module: Any, model: nn.Module) -> None:
    optimizer = module.AdamW(model.parameters(), lr=0.01)
    train(model, optimizer)
    for param in model.parameters():
        param.data = param.data.clone()
    optimizer.load_state_dict(optimizer.state_dict())
    train(model, optimizer)


def names_parameters(module: Any, model: nn.Module) -> None:
    optimizer = module.AdamW(model.named_parameters(), lr=0.01)
    train(model, optimizer)
    again = module.AdamW(model.named_parameters())
    again.load_state_dict(optimizer.state_dict())
    assert "param_names" in again.param_groups[0]
    train(model, again)


RUNS: list[Run] = [
    freezes,
    adds_a_group,
    sets_hyperparameters,
    scales_with_a_group_more,
    clears_to_zero,
    hooks,
    puts_parameters_in_place_of_others,
    swaps_memory,
    names_parameters,
]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.__name__)
def test_a_loop_ends_where_it_does_with_torch_s_own(run: Run) -> None:
    models = network(torch.float32), network(torch.float32)
    for module, model in zip((torch.optim, fused), models, strict=True):
        run(module, model)
    theirs, ours = ([*model.parameters()] for model in models)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
