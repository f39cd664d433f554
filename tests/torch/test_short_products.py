"""Products of matrices with few digits, as devices make them of float32 where they may."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode

from tests.torch.ejecting import class_of, parameters, train

#: Digits of a factor in TF32, with the first one.
DIGITS = 11
RATE = 2.0**-7


class ShortProducts(TorchFunctionMode):
    """Rounds the factors of products of matrices."""

    def __torch_function__(self, function: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(function, "__name__", "") in ("matmul", "__matmul__", "bmm", "mm"):
            args = [rounded(one) for one in args]
        return function(*args, **(kwargs or {}))


def rounded(tensor: torch.Tensor) -> torch.Tensor:
    mantissa, exponent = torch.frexp(tensor)
    return torch.ldexp(torch.round(mantissa * 2**DIGITS), exponent - DIGITS)


@pytest.mark.parametrize("name", ["muon", "kron", "psgdpro"])
def test_steps_are_those_of_whole_products_nearly(name: str) -> None:
    starts, params, others = parameters(), parameters(), parameters()
    train(class_of(name)(params, lr=RATE), params, range(5))
    with ShortProducts():
        train(class_of(name)(others, lr=RATE), others, range(5))
    for start, param, other in zip(starts, params, others, strict=True):
        way = (param - start).abs().max()
        assert (other - param).abs().max() < 0.02 * way
    assert not torch.equal(params[0], others[0])
