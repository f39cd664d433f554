"""Torch's own cases: the inputs and the errors that its optimizers are tested with."""

from __future__ import annotations

import warnings
from functools import cache
from importlib import import_module
from typing import Any

import pytest
import torch

import optgen.torch as fused
from tests.torch.training import TORCH, network, numbers_of

#: What an argument means that chooses between implementations of torch's.
FOREIGN = ("foreach", "fused", "capturable", "differentiable")


@cache
def common() -> Any:
    """Torch's cases, which take two seconds to import."""
    return import_module("torch.testing._internal.common_optimizers")


def infos() -> dict[str, Any]:
    named = {getattr(info.optim_cls, "__name__", ""): info for info in common().optim_db}
    return {name: info for name, info in named.items() if name in TORCH}


def trained(kind: Any, dtype: torch.dtype, steps: int, **arguments: Any) -> list[torch.Tensor]:
    model = network(dtype)
    optimizer = kind(model.parameters(), **arguments)
    inputs, targets = torch.randn(2, 16, 6, dtype=dtype), torch.randn(16, 3, dtype=dtype)
    for number in range(steps):
        optimizer.zero_grad()
        loss = ((model(inputs[number % 2]) - targets) ** 2).mean()
        loss.backward()
        optimizer.step()
    return [param.detach() for param in model.parameters()]


def assert_close(one: torch.Tensor, other: torch.Tensor, bound: float, title: str) -> None:
    torch.testing.assert_close(one, other, rtol=bound, atol=bound, msg=lambda m: f"{title}: {m}")


def test_all_classes_have_cases() -> None:
    assert set(infos()) == set(TORCH)


@pytest.mark.parametrize(
    "dtype",
    [
        torch.float64,
        pytest.param(torch.float32, marks=[pytest.mark.full, pytest.mark.compiled]),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", TORCH)
def test_parameters_are_torch_s(name: str, dtype: torch.dtype) -> None:
    for case in infos()[name].optim_inputs_func(device="cpu"):
        arguments = {k: v for k, v in case.kwargs.items() if k not in FOREIGN}
        with numbers_of(dtype):
            ours = trained(getattr(fused, name), dtype, 40, **arguments)
            theirs = trained(getattr(torch.optim, name), dtype, 40, **arguments)
        # Centred RMSprop takes the root of a difference, which rounding decides early on.
        loose = 30 if arguments.get("centered") else 1
        bound = {torch.float32: 1e-5, torch.float64: 1e-13}[dtype] * loose
        for one, other in zip(ours, theirs, strict=True):
            assert_close(one, other, bound, case.desc)


#: What torch refuses, and is possible here.
ALLOWED = (
    # A rate and betas are numbers of the kernels' arguments, whatever they come as.
    "lr as Tensor doesn't work with foreach & not capturable",
    "betas ",
    "betas\\[0",
    # Other parameters than matrices get the fallback.
    "only support 2D parameters",
)
#: Where an error is torch's but for its words: they name an argument otherwise, or no value.
OTHER_WORDS = (
    "0 < eta1 < 1 < eta2",
    "epsilon1 should be >= 0",
    "invalid d",
    "invalid beta2_decay",
    "only support `original` and `match_rms_adamw`",
)


@pytest.mark.parametrize("name", TORCH)
def test_errors_are_torch_s(name: str) -> None:
    for error in infos()[name].optim_error_inputs_func(device="cpu", dtype=torch.float32):
        if not error.optimizer_error_input.desc.startswith(ALLOWED):
            assert_error(getattr(fused, name), error)


def assert_error(kind: Any, error: Any) -> None:
    given = error.optimizer_error_input
    words = None if given.desc in OTHER_WORDS else error.error_regex
    if issubclass(error.error_type, Warning):
        with pytest.warns(error.error_type, match=words):
            kind(given.params, **given.kwargs)
        return
    # Torch's class refuses complex parameters in the first step only.
    is_early = "complex" in error.error_regex
    is_in_step = error.error_on is common().OptimizerErrorEnum.STEP_ERROR and not is_early
    optimizer = kind(given.params, **given.kwargs) if is_in_step else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(TypeError if is_early else error.error_type, match=words):
            optimizer.step() if optimizer else kind(given.params, **given.kwargs)


def test_what_torch_refuses_is_possible() -> None:
    rate, betas = torch.tensor(0.5), (torch.tensor(0.5), 0.75)
    one, other = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    optimizers = [
        fused.Adam([one], lr=rate, betas=betas, foreach=True),
        fused.Adam([other], lr=0.5, betas=(0.5, 0.75)),
    ]
    for param, optimizer in zip((one, other), optimizers, strict=True):
        param.grad = torch.tensor([1.0, -2.0, 0.5])
        optimizer.step()
    assert torch.equal(one, other)
