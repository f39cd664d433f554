"""torch's classes over tensors of half precision on a simulated device.

Its memory is the host's, so a tensor of the host that says it is on a device is on this one.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
import torch

import optgen.optimizers as oo
import optgen.torch as fused
from optgen.runtime.cuda.arrays import DeviceArray
from optgen.runtime.cuda.libraries import TORCH
from optgen.torch.gradients import tensor_on
from tests.chosen import first_of

HALVES = pytest.mark.parametrize("dtype", first_of([torch.bfloat16, torch.float16], 1), ids=str)
_TYPES = {
    torch.int8: "<i1",
    torch.uint8: "|u1",
    torch.float16: "<f2",
    torch.float32: "<f4",
    torch.float64: "<f8",
    torch.int16: "<i2",
}


def interface(tensor: torch.Tensor) -> dict[str, Any]:
    """torch's own on a device, without its name for bfloat16, which older versions lack."""
    if tensor.requires_grad:
        raise RuntimeError("Can't get __cuda_array_interface__ on Variable that requires grad.")
    strides = tuple(step * tensor.element_size() for step in tensor.stride())
    data = tensor.data_ptr(), False
    named = {"shape": tuple(tensor.shape), "strides": strides, "typestr": _TYPES[tensor.dtype]}
    return {**named, "data": data, "version": 2}


def as_tensor(array: Any, device: Any = None) -> torch.Tensor:
    """A tensor on the memory of an array; as in torch, none of an unknown dtype."""
    if not isinstance(array, DeviceArray):
        return torch.from_numpy(np.asarray(array))
    if array.dtype.kind == "V":
        raise TypeError("can't convert np.ndarray of type numpy.void")
    held = (ctypes.c_ubyte * array.nbytes).from_address(array.address)
    flat = np.ctypeslib.as_array(held).view(array.dtype)
    found = torch.from_numpy(np.lib.stride_tricks.as_strided(flat, array.shape, array.strides))
    _KEPT.append(array)
    return found


_KEPT: list[DeviceArray] = []


@pytest.fixture
def on_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.Tensor, "is_cuda", property(lambda tensor: True))
    monkeypatch.setattr(torch.Tensor, "is_cpu", property(lambda tensor: False))
    found = property(interface)
    monkeypatch.setattr(torch.Tensor, "__cuda_array_interface__", found)
    monkeypatch.setattr(torch, "as_tensor", as_tensor)
    monkeypatch.setattr(TORCH, "device", lambda array: 0)
    monkeypatch.setattr(TORCH, "stream", lambda device: 0)


def params(dtype: torch.dtype) -> list[torch.Tensor]:
    torch.manual_seed(0)
    made = [torch.randn(shape).to(dtype) for shape in ((7, 5), (3,), (2, 9))]
    # One with gaps between its elements.
    made[2] = made[2][:, ::2]
    return [one.requires_grad_() for one in made]


def train(optimizer: torch.optim.Optimizer, own: list[torch.Tensor], steps: int = 3) -> None:
    for seed in range(steps):
        torch.manual_seed(seed)
        for param in own:
            param.grad = torch.randn(param.shape).to(param.dtype)
        optimizer.step()


def after_training(kind: Any, dtype: torch.dtype) -> tuple[list[torch.Tensor], Any]:
    own = params(dtype)
    optimizer = kind(own, lr=0.1)
    train(optimizer, own)
    return own, optimizer


@HALVES
@pytest.mark.parametrize("kind", [fused.SGD, fused.Adam], ids=lambda kind: kind.__name__)
def test_parameters_and_gradients_are_read_as_they_are(
    dtype: torch.dtype, kind: Any, request: pytest.FixtureRequest, calls: list[str]
) -> None:
    expected, _ = after_training(kind, dtype)
    assert not calls
    request.getfixturevalue("on_device")
    found, optimizer = after_training(kind, dtype)
    assert calls.count("update") == 3
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.data, other.data, rtol=2 * torch.finfo(dtype).eps, atol=0.0)
    for states in optimizer.state.values():
        assert {one.dtype for one in states.values() if one.dim()} <= {torch.float32}


@pytest.mark.usefixtures("on_device")
def test_states_of_bfloat16_are_tensors_in_the_same_memory() -> None:
    (weight, *_), gradient = params(torch.bfloat16), torch.ones(7, 5, dtype=torch.bfloat16)
    optimizer = oo.SGD(0.5, momentum=0.5, state_dtype="bfloat16")
    optimizer.build({"weight": weight})
    (state,) = optimizer.state["weight"].values()
    tensor = tensor_on(state, weight.device)
    optimizer.apply([gradient])
    assert tensor.dtype is torch.bfloat16
    assert torch.equal(tensor, torch.full_like(tensor, -0.5))


@pytest.mark.compiled
@pytest.mark.parametrize("rounding", first_of(["split", "stochastic", "split8"], 2))
def test_what_rounding_loses_is_kept_or_drawn_as_on_the_host(
    rounding: Any, request: pytest.FixtureRequest
) -> None:
    """Also in a run that goes on from a state dictionary."""

    def kind(own: Any, **given: Any) -> Any:
        return fused.SGD(own, momentum=0.5, rounding=rounding, rounding_seed=3, **given)

    expected = params(torch.bfloat16)
    theirs = kind(expected, lr=2.0**-6)
    train(theirs, expected, 4)
    request.getfixturevalue("on_device")
    found = params(torch.bfloat16)
    ours = kind(found, lr=2.0**-6)
    train(ours, found, 2)
    again = kind(found, lr=2.0**-6)
    again.load_state_dict(ours.state_dict())
    for seed in (2, 3):
        torch.manual_seed(seed)
        for param in found:
            param.grad = torch.randn(param.shape).to(param.dtype)
        again.step()
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.data, other.data)
    assert rounding == "stochastic" or all("remainder" in own for own in again.state.values())
    for own, wanted in zip(again.state.values(), theirs.state.values(), strict=True):
        assert own.keys() == wanted.keys()
        for name, state in own.items():
            assert torch.equal(state, wanted[name]), name


@pytest.mark.compiled
@pytest.mark.parametrize("kind", first_of(["int8", "float8", "int4"], 1))
def test_states_with_codes_are_rows_of_bytes(
    kind: Any, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They go on from a state dictionary, also from one of float32."""
    monkeypatch.setattr("optgen.runtime.state_storage.SMALL", 0)
    monkeypatch.setattr("optgen.runtime.cuda.work_list.LEAST", 64)
    monkeypatch.setattr("optgen.runtime.cuda.work_list.MULTIPLE", 64)
    gradient = torch.arange(-64, 131, dtype=torch.float32).reshape(3, 65) / 64

    def made(own: torch.Tensor) -> Any:
        own.grad = gradient.clone()
        return fused.SGD([own], lr=0.25, momentum=0.5, state_dtype=kind)

    expected = torch.ones(3, 65).requires_grad_()
    theirs = made(expected)
    for _ in range(3):
        theirs.step()
    (wanted,) = theirs.state.values()
    exact = fused.SGD([torch.ones(3, 65).requires_grad_()], lr=0.25, momentum=0.5)
    request.getfixturevalue("on_device")
    found = torch.ones(3, 65).requires_grad_()
    ours = made(found)
    ours.step()
    again = made(found)
    again.load_state_dict(ours.state_dict())
    for _ in range(2):
        again.step()
    (own,) = again.state.values()
    assert own["momentum_buffer"].dtype is torch.uint8
    assert torch.equal(own["momentum_buffer"], wanted["momentum_buffer"])
    assert torch.equal(found.data, expected.data)
    with again.decoded():
        numbers = again.state_dict()
    (shown,) = numbers["state"].values()
    assert shown["momentum_buffer"].shape == found.shape
    before = own["momentum_buffer"].clone()
    again.load_state_dict(numbers)
    (own,) = again.state.values()
    assert torch.equal(own["momentum_buffer"], before)
    loaded = exact.state_dict()
    loaded["state"] = {0: {"momentum_buffer": gradient.clone()}}
    with pytest.warns(UserWarning, match=f"from float32 to {kind}"):
        again.load_state_dict(loaded)
    again.step()
    (own,) = again.state.values()
    assert own["momentum_buffer"].shape[0] == 4
