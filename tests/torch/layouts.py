"""Parameters of all types and placements on a grid of processes, and what they end with."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor

import optgen.torch as fused
from tests.torch.training import params_of

#: Where parameters of some shapes and types are on a grid of processes; None for those that are
#: no DTensors.
LAYOUTS: list[tuple[tuple[int, ...], torch.dtype, Any]] = [
    ((5, 4), torch.float32, (Shard(0), Shard(0))),
    ((3, 6), torch.float32, (Replicate(), Shard(1))),
    ((4, 2), torch.bfloat16, (Shard(1), Replicate())),
    ((3,), torch.float32, (Replicate(), Replicate())),
    ((7, 3), torch.bfloat16, (Shard(0), Shard(0))),
    ((4,), torch.float32, None),
    ((3, 5, 2), torch.float32, (Shard(0), Shard(1))),
]


def of_layouts() -> list[torch.Tensor]:
    plain = params_of(*(shape for shape, _, _ in LAYOUTS))
    pairs = zip(plain, LAYOUTS, strict=True)
    return [p.detach().to(dtype).requires_grad_() for p, (_, dtype, _) in pairs]


def set_gradients(params: list[Any], number: int) -> None:
    """The same ones for whole parameters and for those in parts."""
    generator = torch.Generator().manual_seed(number)
    for param in params:
        gradient = torch.randn(param.shape, generator=generator).to(param.dtype)
        if isinstance(param, DTensor):
            mesh, placements = param.device_mesh, param.placements
            if all(placement.is_replicate() for placement in placements):
                # As of a parameter whose inputs are spread: each process has a term.
                term = gradient / mesh.size()
                param.grad = DTensor.from_local(term, mesh, [Partial(), Partial()])
            else:
                param.grad = distribute_tensor(gradient, mesh, placements)
        else:
            param.grad = gradient


def laid_out(kind: Any, params: list[Any]) -> list[torch.Tensor]:
    """Train parameters of all layouts, half of the steps after the state was loaded."""
    optimizer = kind(params, lr=0.02, global_clipnorm=1.0)
    for number in range(4):
        if number == 2:
            state, optimizer = optimizer.state_dict(), kind(params, global_clipnorm=1.0)
            optimizer.load_state_dict(state)
        set_gradients(params, number)
        optimizer.step()
    return [getattr(p, "full_tensor", lambda p=p: p)().detach() for p in params]


def distributed_layouts(mesh: Any) -> list[Any]:
    pairs = zip(of_layouts(), LAYOUTS, strict=True)
    return [
        param
        if placements is None
        else distribute_tensor(param.detach(), mesh, placements).requires_grad_()
        for param, (_, _, placements) in pairs
    ]


def refuse_a_sum(mesh: Any) -> None:
    """A parameter of which each process has a term."""
    term: Any = DTensor.from_local(torch.ones(3), mesh, [Partial(), Partial()])
    with pytest.raises(ValueError, match="redistribute"):
        fused.SGD([term.requires_grad_()])
