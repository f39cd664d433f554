"""Complex parameters: their states, and what else than a step they have."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

import optgen.torch as fused
from optgen.torch import offload
from tests.torch.training import assert_equal

Tensor = torch.Tensor
SHAPES = ((4, 3), (2,))
NAMES = ("SGD", "RMSprop", "Adadelta", "Adamax", "Adam", "AdamW")


def params_of(dtype: torch.dtype = torch.complex64) -> list[Any]:
    torch.manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, dtype=dtype)) for shape in SHAPES]


def run(optimizer: Any, params: list[Any], steps: range) -> None:
    for number in steps:
        generator = torch.Generator().manual_seed(number)
        for param in params:
            param.grad = torch.randn(param.shape, generator=generator, dtype=param.dtype)
        optimizer.step()


def plain(params: list[Any]) -> list[Tensor]:
    return [param.detach() for param in params]


@pytest.mark.parametrize("name", NAMES)
def test_runs_continue_in_torch_s_class_and_back(name: str) -> None:
    kinds: list[Any] = [getattr(torch.optim, name), getattr(fused, name)]
    options = {"momentum": 0.5} if name == "SGD" else {}
    every = [params_of(torch.complex128) for _ in range(3)]
    theirs, ours = (kind(p, **options) for kind, p in zip(kinds, every, strict=False))
    run(theirs, every[0], range(3))
    ours.load_state_dict(copy.deepcopy(theirs.state_dict()))
    for own, start in zip(every[1], every[0], strict=True):
        own.data.copy_(start.detach())
    run(ours, every[1], range(3, 6))
    back = kinds[0](every[2], **options)
    back.load_state_dict(copy.deepcopy(ours.state_dict()))
    for own, start in zip(every[2], every[1], strict=True):
        own.data.copy_(start.detach())
        for key, value in ours.state[start].items():
            assert value.dtype == (torch.float64 if key == "step" else torch.complex128), key
    run(theirs, every[0], range(3, 9))
    run(back, every[2], range(6, 9))
    torch.testing.assert_close(plain(every[2]), plain(every[0]), rtol=1e-12, atol=1e-12)


def test_states_are_updated_in_place() -> None:
    (param, _), optimizer = (both := params_of()), fused.Adam(both)
    run(optimizer, both, range(1))
    first = optimizer.state[param]["exp_avg"]
    torch.testing.assert_close(first, 0.1 * param.grad)
    first.zero_()
    run(optimizer, both, range(1))
    assert optimizer.state[param]["exp_avg"] is first
    torch.testing.assert_close(first, 0.1 * param.grad)


def test_gaps_conjugates_clipping_averages_and_copies() -> None:
    def make(is_complex: bool) -> tuple[Any, list[Any]]:
        torch.manual_seed(0)
        whole = torch.randn(4, 6, dtype=torch.complex64)
        shown = whole if is_complex else torch.view_as_real(whole)
        params = [torch.nn.Parameter(shown[:, ::2])]
        return fused.AdamW(params, lr=0.1, clipnorm=0.5, use_ema=True), params

    found = []
    for is_complex in (False, True):
        optimizer, params = make(is_complex)
        for number in range(4):
            generator = torch.Generator().manual_seed(number)
            gradient = torch.randn(4, 3, generator=generator, dtype=torch.complex64)
            # A mark of conjugation, without other memory.
            kept = gradient.conj() if is_complex else torch.view_as_real(gradient.conj_physical())
            params[0].grad = kept
            optimizer.step()
        twin = copy.deepcopy(optimizer)
        assert twin.state_dict()["state"][0]["exp_avg"].is_complex() is is_complex
        with optimizer.averaged():
            average = params[0].detach().clone()
        both = [average, params[0].detach().clone()]
        found.append([torch.view_as_real(one) if is_complex else one for one in both])
    assert_equal(*found)


def test_steps_on_the_host_and_in_backward() -> None:
    found = []
    for kind in ("plain", "offloaded", "in backward"):
        param: Any = params_of()[0]
        make: Any = (
            (lambda *a, **k: offload(fused.Adam, *a, **k)) if kind == "offloaded" else fused.Adam
        )
        optimizer = make([param], lr=0.1)
        if kind == "in backward":
            optimizer.in_backward()
        for _ in range(3):
            optimizer.zero_grad()
            (param * (2 + 1j)).abs().pow(2).sum().backward()
            optimizer.step()
        found.append([param.detach()])
    assert_equal(found[0], found[1])
    assert_equal(found[0], found[2])


def test_refusals() -> None:
    (param,) = params_of()[:1]
    with pytest.raises(TypeError, match="does not support complex parameters"):
        fused.Adafactor([param])
    with pytest.raises(ValueError, match="resolve_conj"):
        fused.SGD([torch.nn.Parameter(param.detach().conj())])
    optimizer = fused.Adam([param], state_dtype="bfloat16")
    param.grad = torch.ones_like(param)
    with pytest.raises(ValueError, match="float32 or float64"):
        optimizer.step()
    optimizer = fused.Adam([param])
    optimizer.state[param] = {"step": 1, "exp_avg": torch.zeros(4, 3)}
    with pytest.raises(TypeError, match="complex numbers, not"):
        optimizer.step()
