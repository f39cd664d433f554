"""Parameters with gaps between their elements move as those without do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import optgen.torch as fused
from tests.torch.training import assert_equal, every, params_of, run, values

Tensor = torch.Tensor
SLICES: dict[str, Callable[[Tensor], Tensor]] = {
    "columns": lambda w: w[:, :4],
    "others": lambda w: w[::2, 1::3],
    "transposed": lambda w: w[:, :4].T,
    "a column": lambda w: w[:, 2],
    "strided": lambda w: w.as_strided((2, 3), (17, 2)),
    # The offsets 0, 2, 4 and 3, 5, 7: the second row begins before the first one ends.
    "interleaved": lambda w: w.as_strided((2, 3), (3, 2)),
}
ARGUMENTS: dict[str, Any] = {
    "global_clipnorm": 0.5,
    "use_ema": True,
    "gradient_accumulation_steps": 2,
    "maximize": True,
}


def assert_close(one: list[Tensor], other: list[Tensor]) -> None:
    """But for the order in which norms are summed."""
    for a, b in zip(one, other, strict=True):
        unit = 4 * torch.finfo(a.dtype).eps
        torch.testing.assert_close(a, b, rtol=unit, atol=unit)


def sliced(cut: Callable[[Tensor], Tensor], dtype: torch.dtype) -> tuple[Tensor, list[Tensor]]:
    (whole,) = params_of((6, 8))
    base = whole.detach().to(dtype)
    return base, [cut(base).requires_grad_(), *params_of((3,))]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("cut", SLICES.values(), ids=SLICES)
def test_slices_move_and_what_lies_between_stays(
    cut: Callable[[Tensor], Tensor], dtype: torch.dtype
) -> None:
    base, params = sliced(cut, dtype)
    untouched = torch.ones_like(base, dtype=torch.bool)
    cut(untouched).fill_(False)
    before, version = base.clone(), params[0]._version
    others = [param.detach().clone().contiguous().requires_grad_() for param in params]
    one = fused.AdamW(params, lr=0.1, **ARGUMENTS)
    other = fused.AdamW(others, lr=0.1, **ARGUMENTS)
    run(one, params, range(6))
    run(other, others, range(6))
    assert_close(values(params), values(others))
    assert torch.equal(base[untouched], before[untouched])
    assert params[0]._version > version
    with one.averaged(), other.averaged():
        assert_close(values(params), values(others))
    one.finalize()
    other.finalize()
    assert_close(values(params), values(others))


@every
def test_slices_move_in_all_rules(kind: type[fused.FusedOptimizer]) -> None:
    _, params = sliced(SLICES["columns"], torch.float32)
    others = [param.detach().clone().requires_grad_() for param in params]
    one, other = kind(params, lr=0.1), kind(others, lr=0.1)
    run(one, params, range(3))
    run(other, others, range(3))
    again = kind(params)
    again.load_state_dict(one.state_dict())
    run(again, params, range(3, 5))
    run(other, others, range(3, 5))
    assert_equal(values(params), values(others))


def test_slices_of_one_tensor_side_by_side() -> None:
    found = []
    for module in (torch.optim, fused):
        (whole,) = params_of((4, 6))
        base = whole.detach()
        params = [base[:, :2].requires_grad_(), base[:, 2:].requires_grad_()]
        run(module.Adam(params, lr=0.1), params, range(3))
        found.append(base)
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-6)


def overlapping() -> list[list[Tensor]]:
    base, half = torch.ones(4, 6), torch.ones(4, 6, dtype=torch.bfloat16)
    return [
        [base[:, :3].requires_grad_(), base[:, 2:].requires_grad_()],
        [base[1:2].expand(3, 6).requires_grad_()],
        [base[0].unfold(0, 3, 1).requires_grad_()],
        # The offsets 0, 2, 4 and 4, 6, 8.
        [base.as_strided((2, 3), (4, 2)).requires_grad_()],
        [half[:2].requires_grad_(), half[1:].requires_grad_()],
    ]


@pytest.mark.parametrize(
    "params", overlapping(), ids=["slices", "expanded", "windows", "strided", "halves"]
)
def test_elements_that_share_memory_are_refused(params: list[Tensor]) -> None:
    before = values(params)
    optimizer = fused.SGD(params)
    with pytest.raises(ValueError, match="share memory"):
        run(optimizer, params, range(1))
    assert_equal(values(params), before)
    assert not optimizer.state
