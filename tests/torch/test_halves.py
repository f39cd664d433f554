"""Parameters of half precision move as float32 ones do that are rounded after each step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import optgen.torch as fused
from optgen.torch import FusedOptimizer
from tests.torch.training import TORCH, assert_equal, every, gradients, params_of, run, values

HALVES = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
#: Torch's classes, of which the kernels of one are compiled.
NAMES = [pytest.param(n, marks=pytest.mark.compiled if n == "Adam" else ()) for n in TORCH]
#: Arguments with which rules have all their states.
FULL: dict[str, dict[str, Any]] = {
    "SGD": {"momentum": 0.9, "weight_decay": 0.01},
    "RMSprop": {"momentum": 0.9, "centered": True},
    "Adam": {"amsgrad": True, "weight_decay": 0.01},
}


def halves(*shapes: tuple[int, ...], dtype: torch.dtype) -> list[torch.Tensor]:
    return [p.detach().to(dtype).requires_grad_() for p in params_of(*shapes)]


@HALVES
@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_those_of_torch_in_float32_rounded(name: str, dtype: torch.dtype) -> None:
    params = [*halves((30, 7), (5,), dtype=dtype), *params_of((4,))]
    wide = [p.detach().float().requires_grad_() for p in params]
    given = {"lr": 0.01, **FULL.get(name, {})}
    ours, theirs = TORCH[name](params, **given), getattr(torch.optim, name)(wide, **given)
    for number in range(20):
        gradients(params, number)
        for one, other in zip(params, wide, strict=True):
            other.grad = one.grad.float()  # type: ignore[union-attr]
        ours.step()
        theirs.step()
        for one, other in zip(params, wide, strict=True):
            other.data.copy_(other.detach().to(one.dtype))
    for one, other in zip(params, wide, strict=True):
        # One unit of the last place, where float32 results differ across a point of rounding.
        unit = 2 * torch.finfo(one.dtype).eps
        tolerance = 1e-5 if one.dtype == torch.float32 else unit
        torch.testing.assert_close(one.float(), other, rtol=tolerance, atol=1e-4 * tolerance)
        assert torch.equal(one, other.to(one.dtype)) or (one != other).float().mean() < 0.02


@pytest.mark.compiled
@HALVES
def test_a_step_rounds_once_to_nearest_even(dtype: torch.dtype) -> None:
    """A step of all sizes between two numbers of half precision, with the halfway point."""
    unit = torch.finfo(dtype).eps
    start = 1 + unit * torch.arange(4, dtype=torch.float32).repeat_interleave(9)
    weight = start.to(dtype).requires_grad_()
    weight.grad = -(unit / 8 * torch.arange(9, dtype=torch.float32).repeat(4)).to(dtype)
    expected = (start - weight.grad.float()).to(dtype)
    fused.SGD([weight], lr=1.0).step()
    assert torch.equal(weight, expected)


@pytest.mark.compiled
def test_a_decay_near_one_doesn_t_stand_still() -> None:
    """A mean of squares of ones is 1 - 0.999**n; in bfloat16 it stops after some steps."""
    (weight,) = halves((4,), dtype=torch.bfloat16)
    optimizer = fused.Adam([weight], lr=1e-3)
    weight.grad = torch.ones_like(weight)
    for _ in range(1000):
        optimizer.step()
    found = optimizer.state[weight]["exp_avg_sq"]
    torch.testing.assert_close(found, torch.full((4,), 1 - 0.999**1000), rtol=1e-4, atol=0.0)


@HALVES
@every
def test_states_keep_their_precision_through_a_file(
    kind: type[FusedOptimizer], dtype: torch.dtype, tmp_path: Path
) -> None:
    straight, broken = (halves((4, 3), dtype=dtype) + params_of((5,)) for _ in range(2))
    one, other = kind(straight, lr=0.05), kind(broken, lr=0.05)
    run(one, straight, range(6))
    run(other, broken, range(3))
    torch.save(other.state_dict(), tmp_path / "state.pt")
    again = kind(broken, lr=0.5)
    again.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    run(again, broken, range(3, 6))
    assert_equal(values(straight), values(broken))
    for param, twin in zip(straight, broken, strict=True):
        for name, state in one.state[param].items():
            assert torch.equal(state, again.state[twin][name])
            assert state.dtype in (torch.float32, torch.float64)


def test_hooks_of_others_see_tensors_while_states_are_loaded() -> None:
    params = halves((4,), dtype=torch.bfloat16)
    optimizer = fused.Adam(params)
    run(optimizer, params, range(1))
    seen: list[Any] = []
    optimizer.register_load_state_dict_pre_hook(
        lambda _, given: seen.append(given["state"][0]["exp_avg"])
    )
    optimizer.register_load_state_dict_post_hook(
        lambda one: seen.append(one.state[params[0]]["exp_avg"])
    )
    optimizer.load_state_dict(optimizer.state_dict())
    assert [one.dtype for one in seen] == [torch.float32, torch.float32]


def test_states_of_torch_s_own_are_taken_in_its_precision() -> None:
    params = halves((4,), dtype=torch.bfloat16)
    theirs, ours = torch.optim.Adam(params), fused.Adam(params)
    gradients(params, 0)
    theirs.step()
    ours.load_state_dict(theirs.state_dict())
    found, given = ours.state[params[0]]["exp_avg"], theirs.state[params[0]]["exp_avg"]
    assert found.dtype == torch.float32
    assert torch.equal(found, given.float())


def test_averages_stand_in_rounded_and_parameters_come_back() -> None:
    params = halves((6,), dtype=torch.bfloat16)
    optimizer = fused.SGD(params, lr=0.1, use_ema=True, ema_momentum=0.5)
    run(optimizer, params, range(3))
    # What is loaded in between must not be forgotten.
    params[0].data.mul_(2)
    before, kept = values(params), optimizer.state[params[0]]["parameter_average"].clone()
    with optimizer.averaged():
        assert torch.equal(params[0], kept.bfloat16())
    assert_equal(values(params), before)
    optimizer.finalize()
    assert torch.equal(params[0], kept.bfloat16())


def test_autograd_notices_changes_of_what_has_a_gradient_alone() -> None:
    moved, still = halves((3,), (3,), dtype=torch.bfloat16)
    optimizer = fused.SGD([moved, still], lr=0.1)
    products = [(param * param).sum() for param in (moved, still)]
    moved.grad = torch.ones_like(moved)
    optimizer.step()
    products[1].backward()  # type: ignore[no-untyped-call]
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        products[0].backward()  # type: ignore[no-untyped-call]


def test_the_scaler_of_mixed_precision_unscales_and_skips() -> None:
    (weight,) = halves((4,), dtype=torch.bfloat16)
    optimizer = fused.SGD([weight], lr=1.0)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    for gradient, step in ((float("inf"), 0.0), (0.5, 0.5)):
        before = weight.detach().clone()
        scaler.scale((weight * gradient).sum()).backward()  # type: ignore[no-untyped-call]
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        assert torch.equal(weight, before - step)
