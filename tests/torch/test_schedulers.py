"""What stands around an optimizer in torch: schedulers, averages, mixed precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

import optgen.torch as fused
from tests.torch.training import (
    gradients,
    network,
    params_of,
)

SCHEDULERS: dict[str, Callable[[Any], Any]] = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 2, 0.5),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [2, 4], 0.1),
    "ConstantLR": lambda o: lr_scheduler.ConstantLR(o, 0.5, 3),
    "LinearLR": lambda o: lr_scheduler.LinearLR(o, 0.1, 1.0, 5),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 6),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3),
    "PolynomialLR": lambda o: lr_scheduler.PolynomialLR(o, 6),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda k: 1 / (1 + k)),
    "MultiplicativeLR": lambda o: lr_scheduler.MultiplicativeLR(o, lambda k: 0.9),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=10),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, 3),
}


@pytest.mark.parametrize("name", ["SGD", "Adam"])
@pytest.mark.parametrize("schedule", SCHEDULERS)
def test_schedulers_of_torch_s_work(name: str, schedule: str) -> None:
    """Those that change the momentum or betas too."""
    found = []
    for module in (torch.optim, fused):
        params = params_of((6,))
        arguments = {"momentum": 0.9} if name == "SGD" else {}
        optimizer = getattr(module, name)(params, lr=0.05, **arguments)
        scheduler = SCHEDULERS[schedule](optimizer)
        for number in range(8):
            gradients(params, number)
            optimizer.step()
            scheduler.step()
        found.append(params[0].detach())
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-6)


def test_reduce_on_plateau_and_averaged_models_work() -> None:
    model = network(torch.float32)
    optimizer = fused.SGD(model.parameters(), lr=0.1)
    plateau = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    mean = torch.optim.swa_utils.AveragedModel(model)
    for _ in range(3):
        model(torch.ones(2, 6)).sum().backward()
        optimizer.step()
        plateau.step(1.0)
        mean.update_parameters(model)
    assert optimizer.param_groups[0]["lr"] < 0.1


def test_the_scaler_of_mixed_precision_steps_or_skips() -> None:
    params = params_of((4,))
    optimizer = fused.Adam(params)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    for gradient, moves in ((float("inf"), False), (2.0, True)):
        before = params[0].detach().clone()
        scaler.scale((params[0] * gradient).sum()).backward()  # type: ignore[no-untyped-call]
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        assert torch.equal(params[0], before) is not moves


def test_a_network_under_autocast_learns() -> None:
    model = network(torch.float32)
    optimizer = fused.AdamW(model.parameters(), lr=0.01)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = (model(torch.ones(4, 6)) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 2
