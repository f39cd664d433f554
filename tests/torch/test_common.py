"""Torch's own cases: the inputs and the errors that its optimizers are tested with."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.testing._internal import common_optimizers

import optgen.torch as fused
from tests.torch.training import TORCH, network

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


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(("name", "arguments"), list(cases()))
def test_parameters_are_torch_s(name: str, arguments: dict[str, Any], dtype: torch.dtype) -> None:
    ours = trained(getattr(fused, name), dtype, 40, **arguments)
    theirs = trained(getattr(torch.optim, name), dtype, 40, **arguments)
    # Centred RMSprop takes the root of a difference, which rounding decides early on.
    loose = 30 if arguments.get("centered") else 1
    bound = {torch.float32: 1e-5, torch.float64: 1e-13}[dtype] * loose
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=bound, atol=bound)


def errors() -> Iterator[Any]:
    for name, info in INFOS.items():
        for error in info.optim_error_inputs_func(device="cpu", dtype=torch.float32):
            given = error.optimizer_error_input
            # Two betas of different kinds, or as tensors with foreach, are no trouble here.
            if "foreach" in given.kwargs or "betas must be" in error.error_regex:
                continue
            # Complex parameters are of a wrong dtype, which is a TypeError here.
            if "complex" in error.error_regex:
                continue
            yield pytest.param(name, error, id=f"{name}-{given.desc}")


@pytest.mark.parametrize(("name", "error"), list(errors()))
def test_errors_are_of_torch_s_kinds(name: str, error: Any) -> None:
    given = error.optimizer_error_input
    kind = getattr(fused, name)
    if error.error_on is common_optimizers.OptimizerErrorEnum.CONSTRUCTION_ERROR:
        if issubclass(error.error_type, Warning):
            with pytest.warns(error.error_type, match=error.error_regex):
                kind(given.params, **given.kwargs)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with pytest.raises(error.error_type):
                    kind(given.params, **given.kwargs)
        return
    optimizer = kind(given.params, **given.kwargs)
    with pytest.raises(error.error_type):
        optimizer.step()
