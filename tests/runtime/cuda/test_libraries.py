"""What is asked of torch and CuPy, where no device is there to answer."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch

pytest.importorskip("numba_cuda", reason='no CUDA toolkit: pip install -e ".[cuda]"')

from optgen.runtime.cuda.libraries import CUPY, OTHER, TORCH, library_of


def test_tensors_are_known_whatever_their_class() -> None:
    class Special(torch.Tensor):
        pass

    assert library_of(torch.ones(3)) is TORCH
    assert library_of(torch.nn.Parameter(torch.ones(3))) is TORCH
    assert library_of(torch.ones(3).as_subclass(Special)) is TORCH
    assert library_of(object()) is OTHER


def test_torch_is_asked_for_addresses_and_layouts() -> None:
    tensor = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
    assert TORCH.address(tensor) == tensor.data_ptr()
    assert TORCH.addresses([tensor, tensor[1]]) == [tensor.data_ptr(), tensor.data_ptr() + 12]
    assert TORCH.layout(tensor) == TORCH.layout(torch.zeros(2, 3))
    different = [
        torch.zeros(3, 2),
        torch.zeros(3, 2).T,
        torch.zeros(2, 3, dtype=torch.float64),
        torch.zeros(2, 3, device="meta"),
    ]
    for other in different:
        assert TORCH.layout(tensor) != TORCH.layout(other)


def test_torch_learns_that_its_tensors_have_changed() -> None:
    weight = torch.ones(3, requires_grad=True)
    result = (weight * weight).sum()
    TORCH.changed([weight])
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.backward(result)


def test_torch_relays_gradients() -> None:
    variable = torch.nn.Parameter(torch.zeros(2, 3))
    gradient = torch.arange(6.0).reshape(3, 2).T.requires_grad_()
    copy = TORCH.relaid(gradient, variable)
    assert TORCH.layout(copy) == TORCH.layout(variable)
    assert torch.equal(copy, gradient)
    assert not copy.requires_grad


def test_torch_is_asked_for_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = {0: SimpleNamespace(cuda_stream=70), 1: SimpleNamespace(cuda_stream=71)}
    monkeypatch.setattr(torch.cuda, "current_stream", streams.get)
    assert [TORCH.stream(0), TORCH.stream(1)] == [70, 71]


class Ndarray:
    """What CuPy's arrays have."""

    def __init__(self, address: int, device: int) -> None:
        self.data, self.device = SimpleNamespace(ptr=address), SimpleNamespace(id=device)
        self.shape, self.strides, self.dtype = (3,), (4,), "float32"


Ndarray.__module__ = "cupy._core.core"


def test_cupy_is_asked_for_addresses_layouts_and_its_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = SimpleNamespace(get_current_stream=lambda device: SimpleNamespace(ptr=80 + device))
    made: Any = SimpleNamespace(cuda=stream, asarray=lambda array: ("seen", array))
    monkeypatch.setitem(sys.modules, "cupy", made)
    array = Ndarray(4096, 1)
    assert library_of(array) is CUPY
    assert (CUPY.address(array), CUPY.device(array), CUPY.stream(1)) == (4096, 1, 81)
    assert CUPY.layout(array) == CUPY.layout(Ndarray(8192, 1)) != CUPY.layout(Ndarray(4096, 0))
    assert CUPY.seen(array) == ("seen", array)
