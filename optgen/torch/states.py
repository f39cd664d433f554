"""The state of parameters, as torch keeps it: a dictionary for each, with live tensors in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from optgen.torch.model import TensorModel, like
from optgen.torch.shards import local

Tensor = torch.Tensor
#: What torch calls the number of updates that a parameter has had.
AGE = "step"


def join(model: TensorModel, params: Iterable[Tensor], state: Mapping[Tensor, Any]) -> None:
    """Give a new model the state that there is, and put its arrays in the place of that."""
    for index, param in enumerate(params):
        own = state[param]
        model.ages[index] = float(own.get(AGE, 0))
        for name, array in model.state_of(index).items():
            if name in own:
                kept = local(own[name]).to(param.dtype)
                model.memory.assign(array, kept if param.is_cuda else kept.cpu().numpy())
            own[name] = like(array, param)
        own[AGE] = model.ages[index]


def oldest(state: Mapping[Tensor, Any]) -> int:
    """The most updates that a parameter has had."""
    return int(max((float(own.get(AGE, 0)) for own in state.values()), default=0))


def refuse_shapes(state_dict: Mapping[str, Any], params: Iterable[Tensor]) -> None:
    """Raise ValueError where a state isn't of the shape of its parameter."""
    numbers = (number for group in state_dict["param_groups"] for number in group["params"])
    for number, param in zip(numbers, params, strict=False):
        for name, value in state_dict["state"].get(number, {}).items():
            if name != AGE and isinstance(value, Tensor) and value.shape != param.shape:
                raise ValueError(
                    f"the state {name} of parameter {number} has shape {tuple(value.shape)}, "
                    f"the parameter {tuple(param.shape)}"
                )
