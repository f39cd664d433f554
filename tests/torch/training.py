"""Classes that all promises are tried with, and short runs of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

import optgen.torch as fused
from optgen import optimizers
from optgen.torch import FusedOptimizer, optimizer_class

TORCH: dict[str, Any] = {
    name: found
    for name, found in ((name, getattr(fused, name)) for name in fused.__all__)
    if isinstance(found, type) and issubclass(found, FusedOptimizer) and found is not FusedOptimizer
}
KERAS = {f"Keras{n}": optimizer_class(getattr(optimizers, n)) for n in ("SGD", "RMSprop", "Adamax")}
#: Torch has them for matrices only, and multiplies in bfloat16: test_products.py has these.
OF_MATRICES = {name: kind for name, kind in TORCH.items() if kind.rule.fallback}
TORCH = {name: kind for name, kind in TORCH.items() if name not in OF_MATRICES}
CLASSES = TORCH | KERAS
#: Those with arrays of state in their plain form, and those with a sum that can be switched on.
WITH_STATE = {name: kind for name, kind in CLASSES.items() if not name.endswith("SGD")}
WITH_MOMENTUM = {
    name: kind
    for name, kind in CLASSES.items()
    if any(a.name == "momentum" for a in kind.arguments)
}
every = pytest.mark.parametrize("kind", CLASSES.values(), ids=CLASSES)
#: Those whose rate is part of a state: a change has no effect, or not in the next step.
LATE = ("ASGD", "Rprop")


@contextmanager
def numbers_of(dtype: torch.dtype) -> Iterator[None]:
    """A context in which torch's classes have states that are numbers in this dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def network(dtype: torch.dtype) -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)).to(
        dtype
    )


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
