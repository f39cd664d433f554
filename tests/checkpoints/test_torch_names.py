"""States of torch's classes, in classes here that have their names, and back."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import torch

import optgen
import optgen.torch

pytestmark = pytest.mark.usefixtures("python_kernels")

CASES: dict[str, dict[str, Any]] = {
    "Adagrad": {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5},
    "NAdam": {"weight_decay": 0.1, "betas": (0.8, 0.9)},
    "RAdam": {"weight_decay": 0.1, "betas": (0.8, 0.9)},
    "Rprop": {"etas": (0.4, 1.3), "step_sizes": (1e-3, 0.05)},
    "ASGD": {"t0": 3, "lambd": 0.1, "weight_decay": 0.1},
}


@pytest.fixture(autouse=True)
def numbers() -> Iterator[None]:
    """States that are numbers have torch's default dtype there."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def run(params: list[torch.Tensor], optimizers: list[Any], first: int, count: int) -> None:
    for number in range(first, first + count):
        gradient = torch.randn(3, 2, generator=torch.Generator().manual_seed(number))
        for param in params:
            param.grad = gradient.clone()
        for optimizer in optimizers:
            optimizer.step()


@pytest.mark.parametrize("is_converted", [False, True], ids=["loaded", "converted"])
@pytest.mark.parametrize("name", CASES)
def test_a_run_goes_on_in_both(name: str, is_converted: bool) -> None:
    start = torch.randn(3, 2, generator=torch.Generator().manual_seed(99))
    params = [start.clone().requires_grad_() for _ in range(2)]
    theirs = getattr(torch.optim, name)(params[:1], **CASES[name])
    run(params[:1], [theirs], 0, 5)
    with torch.no_grad():
        params[1].copy_(params[0])
    ours = getattr(optgen.torch, name)(params[1:])
    saved = theirs.state_dict()
    ours.load_state_dict(
        optgen.convert(theirs, "optgen", like=ours).state if is_converted else saved
    )
    run(params, [theirs, ours], 5, 5)
    torch.testing.assert_close(params[1], params[0], rtol=1e-12, atol=1e-12)
    # Torch's classes share the tensors that they load.
    back = optgen.convert(ours, "torch").state if is_converted else deepcopy(ours.state_dict())
    theirs.load_state_dict(back)
    run(params, [theirs, ours], 10, 5)
    torch.testing.assert_close(params[1], params[0], rtol=1e-12, atol=1e-12)
    assert {*saved["param_groups"][0]} <= {*ours.state_dict()["param_groups"][0]}


@pytest.mark.parametrize("name", ["NAdam", "RAdam"])
@pytest.mark.parametrize("is_apart", [False, True])
def test_weight_decay_of_both_kinds(name: str, is_apart: bool) -> None:
    options = {"weight_decay": 0.1, "decoupled_weight_decay": is_apart, "maximize": True}
    params = [torch.ones(3, 2, requires_grad=True) for _ in range(2)]
    pair = [
        getattr(of, name)([param], **options)
        for of, param in zip((torch.optim, optgen.torch), params, strict=True)
    ]
    run(params, pair, 0, 10)
    torch.testing.assert_close(params[1], params[0], rtol=1e-13, atol=1e-13)
