"""Gradients that are looked at together are those that would pass one by one."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch

from optgen.torch import SGD, addresses, batched_gradients

Tensor = torch.Tensor


def params(*shapes: tuple[int, ...]) -> list[Tensor]:
    found = [torch.ones(shape, requires_grad=True) for shape in shapes]
    for param in found:
        param.grad = torch.ones_like(param)
    return found


def steps(optimizer: Any, number: int = 2) -> None:
    """Some, so that gradients have been seen before."""
    for _ in range(number):
        optimizer.step()


@pytest.mark.parametrize("asks", [True, False])
def test_steps_are_the_same_whoever_asks(asks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not asks:
        for module in (batched_gradients, addresses):
            monkeypatch.setattr(module, "asking", lambda: None)
    own = params((3,), (2, 2), ())
    optimizer = SGD(own, lr=0.5)
    steps(optimizer)
    assert optimizer._parameters is not None
    assert (optimizer._parameters.reader.together is not None) == asks
    own[1].data = torch.zeros(2, 2)
    own[2].grad = None
    optimizer.step()
    assert own[0].tolist() == [-0.5] * 3
    assert own[1].tolist() == [[-0.5] * 2] * 2
    assert own[2].item() == 0.0


def test_gradients_are_not_kept_alive() -> None:
    (weight,) = params((3,))
    optimizer = SGD([weight], lr=0.5)
    steps(optimizer)
    reference = weakref.ref(weight.grad)
    weight.grad = None
    assert reference() is None


def test_a_swapped_parameter_is_noticed() -> None:
    first, other = params((3,), (3,))
    optimizer = SGD([first], lr=0.5)
    steps(optimizer)
    torch.utils.swap_tensors(first, other)  # type: ignore[no-untyped-call]
    optimizer.step()
    assert first.tolist() == [0.5] * 3
    assert other.tolist() == [0.0] * 3


def test_a_gradient_that_is_negative_by_a_mark() -> None:
    weight = torch.ones(1, requires_grad=True)
    turned = torch.complex(torch.zeros(1), weight).conj()
    loss: Any = (turned * (2 + 3j)).imag.sum()
    loss.backward()
    assert weight.grad is not None
    assert weight.grad.is_neg()
    optimizer = SGD([weight], lr=0.1)
    steps(optimizer, 1)
    assert weight.item() == pytest.approx(1.2)


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
