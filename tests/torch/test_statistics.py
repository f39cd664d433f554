"""Numbers on updates beside those of torch's own optimizer."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch

import optgen
from optgen.torch import optimizer_class


@cache
def adam() -> Any:
    return optimizer_class(optgen.compile("torchadam", "update_statistics"))


def trained(dtype: torch.dtype = torch.float32) -> tuple[torch.nn.Module, torch.nn.Module]:
    torch.manual_seed(0)
    model, other = (torch.nn.Linear(9, 7, dtype=dtype) for _ in range(2))
    other.load_state_dict(model.state_dict())
    return model, other


def test_the_numbers_are_those_of_torchs_step() -> None:
    model, other = trained()
    ours = adam()(model.named_parameters(), lr=1e-2, statistics_every=1)
    theirs = torch.optim.Adam(other.parameters(), lr=1e-2)
    for _ in range(3):
        old = {name: p.detach().clone() for name, p in other.named_parameters()}
        x = torch.randn(4, 9)
        for one, by in ((model, ours), (other, theirs)):
            by.zero_grad()
            one(x).square().mean().backward()
            by.step()
        found = ours.statistics()
        for name, param in other.named_parameters():
            moved, grad = (param.detach() - old[name]).ravel(), _gradient(param).ravel()
            assert found[name]["gradient_norm"] == pytest.approx(float(grad.norm()), rel=1e-5)
            assert found[name]["update_norm"] == pytest.approx(float(moved.norm()), rel=1e-4)
            cosine = torch.nn.functional.cosine_similarity(grad, moved, dim=0)
            assert found[name]["cosine"] == pytest.approx(float(cosine), abs=1e-5)
        every = torch.nn.utils.get_total_norm([*map(_gradient, other.parameters())])
        assert ours.statistics({"all": "*"})["all"]["gradient_norm"] == pytest.approx(
            float(every), rel=1e-5
        )


def _gradient(param: torch.Tensor) -> torch.Tensor:
    assert param.grad is not None
    return param.grad


def test_groups_are_those_of_the_optimizer() -> None:
    model, _ = trained(torch.bfloat16)
    weight, bias = model.parameters()
    ours = adam()([{"params": [weight]}, {"params": [bias], "lr": 0.0}], statistics_every=1)
    for param in (weight, bias):
        param.grad = torch.ones_like(param)
    ours.step()
    by_group, by_parameter = ours.statistics(groups=True), ours.statistics()
    assert by_group["0"] == pytest.approx(by_parameter["0.0"])
    assert by_group["1"]["unmoved"] == 1.0 > by_group["0"]["unmoved"]
    assert [*ours.state[weight]] == ["exp_avg", "exp_avg_sq", "step"]


def test_operations_of_torch_keep_none_and_make_the_same_steps() -> None:
    model, other = trained()
    ours = adam()(model.parameters(), lr=1e-2, statistics_every=1, backend="torch")
    theirs = torch.optim.Adam(other.parameters(), lr=1e-2)
    for _ in range(2):
        x = torch.randn(4, 9)
        for one, by in ((model, ours), (other, theirs)):
            by.zero_grad()
            one(x).square().mean().backward()
            by.step()
    for mine, wanted in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, wanted)
        assert {*ours.state[mine]} == {"exp_avg", "exp_avg_sq", "step"}
    assert ours.statistics() == {}
