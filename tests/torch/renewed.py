"""What torch's device-generic tests of optimizers are made of: inputs by class, and a small loss.

Torch ships the inputs (``common_optimizers``) and not the tests. The files ``test_renewed_*`` check
the same properties of our classes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.testing._internal import common_optimizers

import optgen.torch as fused

Tensor = torch.Tensor
Options = dict[str, Any]
close = torch.testing.assert_close

INFOS: dict[str, Any] = {
    info.name: info for info in common_optimizers.optim_db if info.name in fused.CLASSES
}
#: Torch refuses other parameters than matrices.
OF_MATRICES = ("Muon",)
every = pytest.mark.parametrize("name", INFOS)
flags = (False, True)


def kind_of(name: str) -> Any:
    return getattr(fused, name)


def cases(name: str) -> Iterator[Options]:
    """The arguments that torch tests a class with; the first also with each implementation."""
    info = INFOS[name]
    implementations = [one for one in info.supported_impls if one != "differentiable"]
    for number, case in enumerate(info.optim_inputs_func(device="cpu")):
        # The number of rounds is part of the rule.
        if case.kwargs.get("ns_steps", 5) == 5:
            yield copy.deepcopy(case.kwargs)
            for one in () if number else implementations:
                yield {**copy.deepcopy(case.kwargs), one: True}


class Line:
    """A layer, whose squared outputs are the loss."""

    def __init__(self, *, with_gaps: bool = False, has_bias: bool = True) -> None:
        weight, bias = torch.randn(10, 5, 2), torch.randn(10, 2)
        chosen = [one[..., 0] if with_gaps else one[..., 0].clone() for one in (weight, bias)]
        self.weight, self.bias = map(torch.nn.Parameter, chosen)
        self.input, self._has_bias = torch.randn(5), has_bias
        self.params = [self.weight, self.bias] if has_bias else [self.weight]

    @classmethod
    def of(cls, name: str, *, with_gaps: bool = False) -> Line:
        """With the parameters that a class takes."""
        return cls(with_gaps=with_gaps, has_bias=name not in OF_MATRICES)

    def backward(self) -> Tensor:
        """Compute gradients anew; returns the loss."""
        for param in self.params:
            param.grad = None
        with torch.enable_grad():
            out = self.weight.mv(self.input)
            loss = (out + self.bias if self._has_bias else out).pow(2).sum()
            torch.autograd.backward(loss)
        return loss.detach()


def train(
    optimizer: Any, backward: Callable[[], Tensor], makers: Sequence[Any], options: Options
) -> None:
    """Train for a while with schedulers, and check that the loss goes where it should."""
    schedulers = [make(optimizer) for make in makers]
    before = float(backward())
    for _ in range(20):
        loss = backward()
        optimizer.step()
        for one in schedulers:
            one.step(loss) if isinstance(one, ReduceLROnPlateau) else one.step()
    after = float(backward())
    assert after > before if options.get("maximize") else after < before


def named(params: Sequence[Any], with_names: bool) -> list[Any]:
    return [(f"name{i}", p) for i, p in enumerate(params)] if with_names else list(params)


def same(one: Any, other: Any) -> None:
    """Assert that two state dictionaries, or parts of them, are equal."""
    if isinstance(one, Tensor):
        close(one, other)
    elif isinstance(one, Mapping):
        assert one.keys() == other.keys()
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, list | tuple):
        for pair in zip(one, other, strict=True):
            same(*pair)
    else:
        assert one == other
