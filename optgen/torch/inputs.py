"""What a step is given beside the gradients: tensors by parameter, and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from optgen.runtime.arrays import Gradient
from optgen.runtime.hyperparameters.declarations import Input
from optgen.runtime.model import Model
from optgen.torch.distributed import local, placed_like
from optgen.torch.gradients import as_read
from optgen.torch.owners import Owned

Tensor = torch.Tensor
#: The input that is the value of the closure, unless it is given.
_LOSS = "loss"


def with_loss(
    declared: Sequence[Input], inputs: Mapping[str, object], loss: object
) -> Mapping[str, object]:
    """The inputs of a step, with the loss that its closure returned."""
    takes_loss = any(one.name == _LOSS for one in declared)
    return {_LOSS: loss, **inputs} if takes_loss and loss is not None else inputs


def read_input(
    model: Model, params: Sequence[Tensor], owned: Owned, name: str, value: Any
) -> Sequence[Gradient | None]:
    """The tensors of an input in the order of the parameters, as kernels read them.

    Raises TypeError or ValueError for one that doesn't fit.
    """
    listed = _in_order(params, name, value)
    found: list[Tensor | None] = [None] * len(listed)
    for index, (tensor, param) in enumerate(zip(listed, params, strict=True)):
        if tensor is None:
            continue
        if not isinstance(tensor, torch.Tensor) or tensor.layout is not torch.strided:
            raise TypeError(f"{name} of parameter {model.paths[index]} must be a dense tensor")
        if tensor.dtype != param.dtype:
            message = f"{name} of parameter {model.paths[index]} is {tensor.dtype}"
            raise TypeError(f"{message}, the parameter {param.dtype}")
        found[index] = local(placed_like(tensor, param))
    arrays = enumerate(as_read(found, owned))
    return [None if one is None else model.check_gradient(k, one, name) for k, one in arrays]


def _in_order(params: Sequence[Tensor], name: str, value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        known = {id(param) for param in params}
        if any(id(key) not in known for key in value):
            raise ValueError(f"{name} has an entry for what is no parameter of this optimizer")
        return [value.get(param) for param in params]
    listed = list(value)
    if len(listed) != len(params):
        raise ValueError(f"{name}: {len(listed)} tensors for {len(params)} parameters")
    return listed
