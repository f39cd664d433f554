"""What every optimizer of torch promises, kept by every class: built in, of Keras's rules, own."""

from __future__ import annotations

import copy
import importlib
import io
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

import optgen.torch as fused
from optgen import optimizers
from optgen.torch import FusedOptimizer, optimizer_class
from tests.torch.test_common import network

TORCH = {
    n: getattr(fused, n) for n in fused.__all__ if n not in ("FusedOptimizer", "optimizer_class")
}
KERAS = {f"Keras{n}": optimizer_class(getattr(optimizers, n)) for n in ("SGD", "RMSprop", "Adamax")}
CLASSES = TORCH | KERAS
every = pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)


def gradients(params: list[torch.Tensor], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for param in params:
        param.grad = torch.randn(param.shape, generator=generator, dtype=param.dtype)


def params_of(*shapes: tuple[int, ...], dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    torch.manual_seed(1)
    return [torch.randn(shape, dtype=dtype).requires_grad_() for shape in shapes]


def run(optimizer: FusedOptimizer, params: list[torch.Tensor], steps: range) -> None:
    for number in steps:
        gradients(params, number)
        optimizer.step()


def values(params: list[torch.Tensor]) -> list[Any]:
    return [param.detach().clone() for param in params]


def assert_equal(one: list[torch.Tensor], other: list[torch.Tensor]) -> None:
    for a, b in zip(one, other, strict=True):
        assert torch.equal(a, b)


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


@every
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


@every
def test_the_state_goes_on_through_a_file(kind: type[FusedOptimizer], tmp_path: Path) -> None:
    straight, broken = params_of((4, 3), (5,)), params_of((4, 3), (5,))
    one, other = kind(straight, lr=0.05), kind(broken, lr=0.05)
    run(one, straight, range(6))
    run(other, broken, range(3))
    torch.save(other.state_dict(), tmp_path / "state.pt")
    again = kind(broken, lr=0.5)
    again.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert again.param_groups[0]["lr"] == 0.05
    run(again, broken, range(3, 6))
    assert_equal(values(straight), values(broken))


@every
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_on_alike(kind: type[FusedOptimizer], copied: Callable[[Any], Any]) -> None:
    params = params_of((4, 3))
    optimizer = kind(params, lr=0.05)
    run(optimizer, params, range(2))
    # Parameters are copied with it, as in a checkpoint of a whole run.
    twin_params, twin = copied((params, optimizer))
    run(optimizer, params, range(2, 5))
    run(twin, twin_params, range(2, 5))
    assert_equal(values(params), values(twin_params))


@every
def test_a_state_of_other_shapes_is_refused(kind: type[FusedOptimizer]) -> None:
    params, others = params_of((4,)), params_of((5,))
    one, other = kind(params, lr=0.1), kind(others, lr=0.2)
    run(one, params, range(2))
    if all(value.ndim == 0 for value in one.state[params[0]].values()):
        pytest.skip("there is no state")
    with pytest.raises(ValueError, match="shape"):
        other.load_state_dict(one.state_dict())
    assert other.param_groups[0]["lr"] == 0.2


def test_states_of_torch_s_own_optimizers_go_on_here() -> None:
    theirs, ours = params_of((4, 3)), params_of((4, 3))
    one, other = torch.optim.Adam(theirs, lr=0.05), fused.Adam(ours, lr=0.05)  # type: ignore[attr-defined]
    for number in range(3):
        gradients(theirs, number)
        one.step()
    ours[0].data.copy_(theirs[0].detach())
    other.load_state_dict(one.state_dict())
    for number in range(3, 6):
        gradients(theirs, number)
        gradients(ours, number)
        one.step()
        other.step()
    torch.testing.assert_close(theirs[0], ours[0], rtol=1e-6, atol=1e-6)


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
    optimizer = fused.SGD(model.parameters(), lr=0.1)  # type: ignore[attr-defined]
    plateau = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)
    mean = torch.optim.swa_utils.AveragedModel(model)
    for _ in range(3):
        model(torch.ones(2, 6)).sum().backward()
        optimizer.step()
        plateau.step(1.0)
        mean.update_parameters(model)
    assert optimizer.param_groups[0]["lr"] < 0.1


@every
def test_parts_of_a_rule_may_be_switched_on_later(kind: type[FusedOptimizer]) -> None:
    params = params_of((4,))
    optimizer = kind(params, lr=0.01)
    run(optimizer, params, range(2))
    if "momentum" not in optimizer.param_groups[0]:
        pytest.skip("nothing to switch on")
    optimizer.param_groups[0]["momentum"] = 0.9
    run(optimizer, params, range(2, 4))
    assert "momentum_buffer" in optimizer.state[params[0]]


def test_the_scaler_of_mixed_precision_steps_or_skips() -> None:
    params = params_of((4,))
    optimizer = fused.Adam(params)  # type: ignore[attr-defined]
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
    optimizer = fused.AdamW(model.parameters(), lr=0.01)  # type: ignore[attr-defined]
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = (model(torch.ones(4, 6)) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 2


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
    with pytest.raises(ValueError, match="compiled"):
        fused.SGD(params, differentiable=True)  # type: ignore[attr-defined]
    optimizer = fused.SGD(params)  # type: ignore[attr-defined]
    params[0].grad = torch.ones(4).to_sparse()
    with pytest.raises(TypeError, match="dense"):
        optimizer.step()
    with pytest.raises(TypeError, match="float32"):
        fused.SGD([torch.ones(3, dtype=torch.int32)])  # type: ignore[attr-defined]
    optimizer.param_groups[0]["lr"] = -1.0
    before = params[0].detach().clone()
    gradients(params, 0)
    with pytest.raises(ValueError, match="lr"):
        optimizer.step()
    assert torch.equal(params[0], before)


def test_clipping_averaging_and_accumulation_belong_to_the_optimizer() -> None:
    params = params_of((4,))
    optimizer = fused.SGD(  # type: ignore[attr-defined]
        params, lr=1.0, global_clipnorm=1.0, use_ema=True, gradient_accumulation_steps=2
    )
    start = params[0].detach().clone()
    for _ in range(2):
        params[0].grad = torch.full((4,), 10.0)
        optimizer.step()
    torch.testing.assert_close(start - params[0].detach(), torch.full((4,), 0.5))
    assert optimizer.gradient_norm == pytest.approx(20.0)
    inside = params[0].detach().clone()
    with optimizer.averaged():
        pass
    assert torch.equal(params[0], inside)


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


def test_a_buffer_of_bytes_holds_a_state_too() -> None:
    params = params_of((4,))
    optimizer = fused.Adam(params)  # type: ignore[attr-defined]
    run(optimizer, params, range(1))
    buffer = io.BytesIO()
    torch.save(optimizer.state_dict(), buffer)
    buffer.seek(0)
    assert torch.load(buffer, weights_only=True)["state"][0]["step"] == 1
