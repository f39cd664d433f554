"""Gradients that are looked at together are those that would pass one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from optgen.torch import SGD

Tensor = torch.Tensor


def params(*shapes: tuple[int, ...]) -> list[Tensor]:
    found = [torch.ones(shape, requires_grad=True) for shape in shapes]
    for param in found:
        param.grad = torch.ones_like(param)
    return found


def steps(optimizer: Any, number: int = 4) -> Any:
    """So many that gradients are known again by the last."""
    for _ in range(number):
        optimizer.step()
    return optimizer._model._together


def test_gradients_that_stay_are_known_again() -> None:
    own = params((3,), (2, 2))
    together = steps(SGD(own, lr=0.5))
    assert together._known is not None
    assert own[0].tolist() == [-1.0] * 3


def test_gradients_are_not_kept_alive() -> None:
    (weight,) = params((3,))
    optimizer = SGD([weight], lr=0.5)
    together = steps(optimizer)
    assert together._known._are_alive
    weight.grad = None
    assert not together._known._are_alive


@pytest.mark.parametrize(
    "swap",
    [
        lambda grad: setattr(grad, "data", torch.full((3,), 2.0)),
        lambda grad: grad.set_(torch.full((3,), 2.0)),
        lambda grad: grad.mul_(2.0),
    ],
)
def test_swapped_memory_is_noticed(swap: Callable[[Any], None]) -> None:
    (weight,) = params((3,))
    optimizer = SGD([weight], lr=1.0)
    steps(optimizer)
    before = weight.detach().clone()
    swap(weight.grad)
    optimizer.step()
    assert torch.equal(weight.detach(), before - 2.0)


def test_swapped_memory_of_another_form_is_refused() -> None:
    (weight,) = params((3,))
    optimizer = SGD([weight], lr=1.0)
    steps(optimizer)
    before = weight.detach().clone()
    assert weight.grad is not None
    weight.grad.data = torch.ones(2)
    with pytest.raises(ValueError, match="shape"):
        optimizer.step()
    assert torch.equal(weight.detach(), before)


def test_a_gradient_with_gaps_is_copied() -> None:
    (weight,) = params((2, 3))
    weight.grad = torch.arange(6.0).reshape(3, 2).T
    SGD([weight], lr=1.0).step()
    assert torch.equal(weight.detach(), 1 - torch.arange(6.0).reshape(3, 2).T)


def test_a_gradient_in_a_parameter_s_memory_is_refused() -> None:
    first, second = params((3,), (3,))
    second.grad = first.detach()
    with pytest.raises(ValueError, match="shares memory"):
        SGD([first, second], lr=1.0).step()


@pytest.mark.skipif(not hasattr(Tensor, "grad_dtype"), reason="gradients have one dtype here")
def test_a_gradient_of_another_dtype_is_refused() -> None:
    (weight,) = params((4,))
    weight.grad = None
    weight.grad_dtype = torch.bfloat16
    weight.grad = torch.ones(4, dtype=torch.bfloat16)
    with pytest.raises(TypeError, match=r"bfloat16, its parameter torch\.float32"):
        SGD([weight], lr=1.0).step()
