"""Torch's own cases: the inputs and the errors that its optimizers are tested with."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.testing._internal import common_optimizers

import optgen.torch as fused
from tests.torch.training import TORCH, network, numbers_of

INFOS: dict[str, Any] = {
    getattr(info.optim_cls, "__name__", ""): info
    for info in common_optimizers.optim_db
    if getattr(info.optim_cls, "__name__", "") in TORCH
}
#: What an argument means that chooses between implementations of torch's.
FOREIGN = ("foreach", "fused", "capturable", "differentiable")


def cases() -> Iterator[Any]:
    for name, info in INFOS.items():
        for case in info.optim_inputs_func(device="cpu"):
            kwargs = {k: v for k, v in case.kwargs.items() if k not in FOREIGN}
            yield pytest.param(name, kwargs, id=f"{name}-{case.desc}")


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


def test_all_classes_have_cases() -> None:
    assert set(INFOS) == set(TORCH)


@pytest.mark.parametrize(
    "dtype",
    [
        torch.float64,
        pytest.param(torch.float32, marks=[pytest.mark.full, pytest.mark.compiled]),
    ],
    ids=str,
)
@pytest.mark.parametrize(("name", "arguments"), list(cases()))
def test_parameters_are_torch_s(name: str, arguments: dict[str, Any], dtype: torch.dtype) -> None:
    with numbers_of(dtype):
        ours = trained(getattr(fused, name), dtype, 40, **arguments)
        theirs = trained(getattr(torch.optim, name), dtype, 40, **arguments)
    # Centred RMSprop takes the root of a difference, which rounding decides early on.
    loose = 30 if arguments.get("centered") else 1
    bound = {torch.float32: 1e-5, torch.float64: 1e-13}[dtype] * loose
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=bound, atol=bound)


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


def errors() -> Iterator[Any]:
    for name, info in INFOS.items():
        for error in info.optim_error_inputs_func(device="cpu", dtype=torch.float32):
            said = error.optimizer_error_input.desc
            if not said.startswith(ALLOWED):
                yield pytest.param(name, error, id=f"{name}-{said}")


@pytest.mark.parametrize(("name", "error"), list(errors()))
def test_errors_are_torch_s(name: str, error: Any) -> None:
    given, kind = error.optimizer_error_input, getattr(fused, name)
    words = None if given.desc in OTHER_WORDS else error.error_regex
    if issubclass(error.error_type, Warning):
        with pytest.warns(error.error_type, match=words):
            kind(given.params, **given.kwargs)
        return
    # Torch's class refuses complex parameters in the first step only.
    is_early = "complex" in error.error_regex
    is_in_step = error.error_on is common_optimizers.OptimizerErrorEnum.STEP_ERROR and not is_early
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
