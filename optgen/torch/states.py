"""The state of parameters, as torch keeps it: a dictionary for each, with live tensors in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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
                kept = local(own[name]).to(model.halves.wide[index].dtype)
                model.memory.assign(array, kept if param.is_cuda else kept.cpu().numpy())
            own[name] = like(array, param)
        own[AGE] = model.ages[index]


@dataclass(frozen=True)
class _Wrapped:
    """A tensor that torch takes for something else, and leaves as it is."""

    tensor: Tensor


@contextmanager
def uncast(optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """Inside, states are loaded in their own precision, where torch casts them to parameters'.

    Hooks of others see tensors, since these run behind and before them.
    """

    def wrap(_: torch.optim.Optimizer, state_dict: dict[str, Any]) -> dict[str, Any]:
        state = {
            number: {
                name: _Wrapped(value) if isinstance(value, Tensor) and name != AGE else value
                for name, value in own.items()
            }
            for number, own in state_dict["state"].items()
        }
        return {**state_dict, "state": state}

    def unwrap(_: torch.optim.Optimizer) -> None:
        for param, own in optimizer.state.items():
            for name, value in own.items():
                if isinstance(value, _Wrapped):
                    own[name] = value.tensor.to(param.device)

    before = optimizer.register_load_state_dict_pre_hook(wrap)
    behind = optimizer.register_load_state_dict_post_hook(unwrap, prepend=True)
    try:
        yield
    finally:
        before.remove()
        behind.remove()


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
