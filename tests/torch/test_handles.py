"""What compiled code reads of tensors is what torch says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optgen.torch.addresses import Positions
from optgen.torch.batched_gradients import Together
from optgen.torch.handles import asking
from optgen.torch.object_layout import places

Tensor = torch.Tensor
SHAPES = st.lists(st.integers(0, 3), max_size=4).map(tuple)
DTYPES = st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16])


class Own(Tensor):
    """A class of somebody else."""


def in_the_middle(tensor: Tensor) -> Tensor:
    """The same, as part of a larger one."""
    return torch.cat([tensor, tensor, tensor]).narrow(0, len(tensor), len(tensor))


@st.composite
def gradients(draw: Any) -> Any:
    """Tensors, and what was made of them in one way or another."""
    tensor = torch.ones(draw(SHAPES), dtype=draw(DTYPES))
    changes = [
        lambda t: t,
        torch.nn.Parameter,
        lambda t: t.clone(memory_format=torch.channels_last) if t.ndim == 4 else t,
        lambda t: t.mT if t.ndim > 1 else t,
        lambda t: t[..., ::2] if t.ndim else t,
        lambda t: in_the_middle(t) if t.ndim else t,
        lambda t: t[:1].expand(t.shape) if t.ndim and len(t) else t,
        lambda t: t.to_sparse(),
        lambda t: t.to("meta"),
        lambda t: t.as_subclass(Own),
        lambda t: t.numpy() if t.dtype == torch.float32 else t,
        lambda t: torch.complex(t, t).conj().imag if t.dtype == torch.float32 else t,
        lambda t: t.tolist(),
        lambda t: None,
    ]
    return draw(st.sampled_from(changes))(tensor)


def fits(gradient: Any, tensor: Tensor) -> bool:
    """Whether torch says that a kernel may read a gradient as it does its tensor."""
    return (
        type(gradient) in (Tensor, torch.nn.Parameter)
        and gradient.layout is torch.strided
        and gradient.device == tensor.device
        and gradient.dtype == tensor.dtype
        and gradient.shape == tensor.shape
        and gradient.is_contiguous()
        # Of a tensor without elements nothing is read.
        and not (gradient.is_neg() and gradient.numel())
    )


def test_tensors_can_be_asked_here() -> None:
    assert places() is not None
    assert asking() is not None


# The first example may wait for a compilation.
@settings(deadline=None, max_examples=300)
@given(SHAPES, DTYPES, gradients())
def test_a_look_says_what_torch_says(shape: Any, dtype: torch.dtype, gradient: Any) -> None:
    tensor, before = torch.ones(shape, dtype=dtype), torch.ones(shape, dtype=dtype)
    together = Together.of([tensor, tensor], [])
    assert together is not None
    found = together.look([before, gradient])
    assert (found is not None) == fits(gradient, tensor)
    if found is not None:
        # Where there are no elements, nothing is where they would be.
        assert list(found.addresses) == [t.data_ptr() for t in (before, gradient)]
        assert found[1].array is gradient


@settings(deadline=None)
@given(st.lists(st.tuples(SHAPES, st.sampled_from(["kept", "none", "never", "swapped"]))))
def test_held_gradients_are_found(kinds: list[tuple[Any, str]]) -> None:
    tensors = [torch.ones(shape, requires_grad=kind != "never") for shape, kind in kinds]
    for tensor, (_, kind) in zip(tensors, kinds, strict=True):
        if kind != "never":
            tensor.grad = torch.ones_like(tensor)
        if kind == "none":
            tensor.grad = None
        if kind == "swapped":
            tensor.grad.data = torch.zeros_like(tensor)  # type: ignore[union-attr]
    together = Together.of(tensors, [])
    assert together is not None
    found = together.gradients()
    grads = [tensor.grad for tensor in tensors]
    if found is None:
        assert None in grads
    else:
        assert list(found.addresses) == [grad.data_ptr() for grad in grads if grad is not None]
        assert all(found[k].array is grad for k, grad in enumerate(grads))


def test_gradients_in_written_memory_are_refused() -> None:
    tensor = torch.ones(3)
    span = tensor.data_ptr(), tensor.data_ptr() + tensor.nbytes
    together = Together.of([tensor], [span])
    assert together is not None
    assert together.look([tensor.detach()]) is None
    assert together.look([tensor.clone()]) is not None


def test_moved_memory_is_noticed() -> None:
    tensors = [torch.ones(3), torch.nn.Parameter(torch.ones(2))]
    positions = Positions(tensors)
    assert positions.are_current
    tensors[1].data = torch.ones(2)
    assert not positions.are_current


def test_subclasses_are_asked_by_python() -> None:
    own = torch.ones(3).as_subclass(Own)
    positions = Positions([own])
    assert positions.are_current
    own.data = torch.ones(3).as_subclass(Own)
    assert not positions.are_current
    assert Together.of([own], []) is None
    assert np.array_equal(own.numpy(), np.ones(3))
