"""What every optimizer of torch promises, kept by every class: built in, of Keras's rules, own."""

from __future__ import annotations

import copy
import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import optgen.torch as fused
from optgen import optimizers
from optgen.torch import FusedOptimizer, optimizer_class
from tests.torch.training import (
    CLASSES,
    LATE,
    WITH_MOMENTUM,
    assert_equal,
    every,
    gradients,
    network,
    params_of,
    run,
    values,
)


@every
def test_it_is_an_optimizer_of_torch_s(kind: type[FusedOptimizer]) -> None:
    optimizer = kind(params_of((3,)))
    assert isinstance(optimizer, torch.optim.Optimizer)
    assert "lr" in optimizer.param_groups[0]
    assert "lr" in repr(optimizer)


@every
def test_a_closure_is_called_with_gradients_on(kind: type[FusedOptimizer]) -> None:
    model = network(torch.float32)
    optimizer = kind(model.parameters())

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss: torch.Tensor = (model(torch.ones(2, 6)) ** 2).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    losses = [float(optimizer.step(closure).detach()) for _ in range(3)]
    assert losses[0] > losses[-1]


@every
def test_hooks_run(kind: type[FusedOptimizer]) -> None:
    params, seen = params_of((3,)), []
    optimizer = kind(params)
    optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
    optimizer.register_step_post_hook(lambda *_: seen.append("after"))
    run(optimizer, params, range(1))
    assert seen == ["before", "after"]


@every
def test_autograd_notices_that_parameters_changed(kind: type[FusedOptimizer]) -> None:
    (weight,) = params_of((3,))
    optimizer = kind([weight])
    product = (weight * weight).sum()
    weight.grad = torch.ones(3)
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()  # type: ignore[no-untyped-call]


@every
def test_a_parameter_without_gradient_stays_and_doesn_t_age(kind: type[FusedOptimizer]) -> None:
    """One that joins later is updated as if it were new."""
    together, alone = params_of((4,), (4,)), params_of((4,), (4,))
    optimizer, fresh = kind(together), kind([alone[1]])
    for number in range(3):
        gradients(together[:1], number)
        before = together[1].detach().clone()
        optimizer.step()
        assert torch.equal(together[1], before)
    for number in range(3, 6):
        gradients(together, number)
        alone[1].grad = together[1].grad.clone()  # type: ignore[union-attr]
        optimizer.step()
        fresh.step()
    assert torch.equal(together[1], alone[1])


@pytest.mark.parametrize("kind", [one for name, one in CLASSES.items() if name not in LATE])
def test_a_group_may_be_added_and_differ(kind: type[FusedOptimizer]) -> None:
    one, other = params_of((4,), (5,))
    optimizer = kind([one], lr=0.1)
    run(optimizer, [one], range(2))
    optimizer.add_param_group({"params": [other], "lr": 0.0})
    before = other.detach().clone()
    run(optimizer, [one, other], range(2, 4))
    assert torch.equal(other, before)
    optimizer.param_groups[1]["lr"] = 0.1
    run(optimizer, [one, other], range(4, 5))
    assert not torch.equal(other, before)


@pytest.mark.parametrize("kind", WITH_MOMENTUM.values(), ids=WITH_MOMENTUM)
def test_parts_of_a_rule_may_be_switched_on_later(kind: type[FusedOptimizer]) -> None:
    params = params_of((4,))
    optimizer = kind(params, lr=0.01)
    run(optimizer, params, range(2))
    optimizer.param_groups[0]["momentum"] = 0.9
    run(optimizer, params, range(2, 4))
    assert "momentum_buffer" in optimizer.state[params[0]]


@every
def test_layouts_tied_and_frozen_parameters(kind: type[FusedOptimizer]) -> None:
    torch.manual_seed(0)
    image = torch.nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    frozen = torch.nn.Linear(2, 2)
    for param in frozen.parameters():
        param.requires_grad_(False)
    plain = copy.deepcopy(image).to(memory_format=torch.contiguous_format)
    params = [*image.parameters(), *frozen.parameters()]
    kept = values(list(frozen.parameters()))
    for module, optimizer in (
        (image, kind(params)),
        (plain, kind(plain.parameters())),
    ):
        for _ in range(3):
            optimizer.zero_grad()
            module(torch.ones(1, 3, 5, 5)).sum().backward()
            optimizer.step()
    assert_equal(values(list(frozen.parameters())), kept)
    torch.testing.assert_close(image.weight, plain.weight)


@every
def test_memory_that_is_swapped_behind_a_parameter_is_noticed(kind: type[FusedOptimizer]) -> None:
    params, others = params_of((4,)), params_of((4,))
    one, other = kind(params, lr=0.1), kind(others, lr=0.1)
    run(one, params, range(2))
    run(other, others, range(2))
    params[0].data = params[0].detach().clone()
    run(one, params, range(2, 4))
    run(other, others, range(2, 4))
    assert torch.equal(params[0], others[0])


def test_what_makes_no_sense_is_refused_with_a_reason() -> None:
    params = params_of((4,))
    with pytest.raises(ValueError, match="torch's class has no capturable"):
        fused.SGD(params, capturable=True)
    optimizer = fused.Adam(params, capturable=True)
    gradients(params, 0)
    with pytest.raises(ValueError, match="parameters on a CUDA device"):
        optimizer.step()
    optimizer = fused.SGD(params)
    with pytest.raises(TypeError, match="float32"):
        fused.SGD([torch.ones(3, dtype=torch.int32)])
    optimizer.param_groups[0]["lr"] = -1.0
    before = params[0].detach().clone()
    gradients(params, 0)
    with pytest.raises(ValueError, match="lr"):
        optimizer.step()
    assert torch.equal(params[0], before)


def test_clipping_averaging_and_accumulation_belong_to_the_optimizer() -> None:
    params = params_of((4,))
    optimizer = fused.SGD(
        params, lr=1.0, global_clipnorm=1.0, use_ema=True, gradient_accumulation_steps=2
    )
    start = params[0].detach().clone()
    for _ in range(2):
        params[0].grad = torch.full((4,), 10.0)
        optimizer.step()
    torch.testing.assert_close(start - params[0].detach(), torch.full((4,), 0.5))
    assert optimizer.gradient_norm == pytest.approx(20.0)
    inside = params[0].detach().clone()
    state = copy.deepcopy(optimizer.state_dict()["state"])
    with optimizer.averaged():
        averages = params[0].detach().clone()
        with pytest.raises(RuntimeError, match="makes no step inside averaged"):
            optimizer.step()
        with pytest.raises(RuntimeError, match="changes no parameters inside averaged"):
            optimizer.finalize()
        with pytest.raises(RuntimeError, match="twice"), optimizer.averaged():
            pass
        assert torch.equal(params[0], averages)
    assert torch.equal(params[0], inside)
    torch.testing.assert_close(optimizer.state_dict()["state"], state, rtol=0, atol=0)


def test_minimize_is_that_of_the_page_on_rmsprop() -> None:
    for scale in (None, 1024.0):
        weight = torch.tensor(10.0, requires_grad=True)
        kind = optimizer_class(optimizers.RMSprop)
        optimizer = kind([weight], lr=0.1, loss_scale_factor=scale)
        before = optimizer.minimize(lambda w=weight: (w**2) / 2.0)  # type: ignore[misc]
        assert float(before) == 50.0
        assert float(weight.detach()) == pytest.approx(9.683772, abs=1e-6)


SPEC = """
name = "Signs"
[hyperparameters]
learning_rate = { default = 0.01 }
momentum = { default = 0.9, range = "0 <= momentum < 1" }
[state]
direction = {}
[update]
rule = '''
direction = momentum*direction + (1 - momentum)*grad
param = param - learning_rate*sign(direction)
'''
"""


def test_a_rule_of_one_s_own_is_an_optimizer_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "signs.toml").write_text(SPEC)
    command = [sys.executable, "-m", "optgen", "build", "signs.toml", "--out", "signs_package"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.syspath_prepend(tmp_path)
    kind = optimizer_class(importlib.import_module("signs_package").Signs)
    (weight,) = params_of((4,))
    optimizer = kind([{"params": [weight], "lr": 0.5}], momentum=0.0)
    before = weight.detach().clone()
    run(optimizer, [weight], range(1))
    assert weight.grad is not None
    torch.testing.assert_close(weight.detach(), before - 0.5 * weight.grad.sign())


def test_autograd_learns_of_changes_to_parameters_without_a_gradient() -> None:
    """After a gradient since the last update, and where averages take a parameter's place."""
    arguments: list[dict[str, float]] = [
        {"gradient_accumulation_steps": 4},
        {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 4},
    ]
    for given in arguments:
        params = params_of((4,), (3,))
        optimizer = fused.SGD(params, lr=0.1, **given)
        run(optimizer, params, range(3))
        product = (params[1] * params[1]).sum()
        before = params[1].detach().clone()
        params[1].grad = None
        optimizer.step()
        assert not torch.equal(params[1], before)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            torch.autograd.grad(product, params[1])
