"""States of parameters in torch's format: a dictionary of live tensors for each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from optgen.runtime.allocation import ELEMENT
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.model import LARGEST_GRADIENT
from optgen.runtime.remainders import REMAINDER
from optgen.torch.distributed import is_shared

Tensor = torch.Tensor
#: torch's key of a parameter's number of updates.
AGE = "step"
_REMAINDERS = (torch.int8, torch.int16)


@dataclass(frozen=True)
class Given:
    """The state of one parameter as it was found."""

    age: float = 0.0
    tensors: Mapping[str, Tensor] = field(default_factory=dict)


def shapes_of(declared: Sequence[State]) -> dict[str, str]:
    """What each state, of a rule or of the runtime, has one number for."""
    own = {state.name: state.shape for state in declared}
    return own | dict.fromkeys([LARGEST_GRADIENT, REMAINDER], ELEMENT)


def given(
    path: str, param: Tensor, own: Any, shapes: Mapping[str, str], is_owned: bool = False
) -> Given:
    """The entries of ``optimizer.state`` for a parameter, under names of its rule.

    ``shapes`` says what each has one number for. A state without a number of updates, as torch
    keeps for some rules, has had one. Those of a matrix that one process owns are whole. Raises
    TypeError or ValueError for what can't be the state
    of this parameter.
    """
    if own is None:
        return Given()
    if not isinstance(own, Mapping):
        raise TypeError(f"the state of parameter {path} must be a dictionary, not {own!r}")
    tensors = {
        name: _fitting(name, path, own[name], param, shape, is_owned)
        for name, shape in shapes.items()
        if not _is_missing(own.get(name))
    }
    age = own.get(AGE)
    return Given(float(bool(tensors)) if _is_missing(age) else _age(path, age), tensors)


def _is_missing(value: Any) -> bool:
    """Older torch wrote None; what flat checkpoints don't have becomes an empty dictionary."""
    return value is None or (isinstance(value, Mapping) and not value)


def _fitting(name: str, path: str, value: Any, param: Any, shape: str, is_owned: bool) -> Tensor:
    """A state as it was given; the lengths of vectors are checked later."""
    what = f"the state {name} of parameter {path}"
    if not isinstance(value, Tensor):
        raise TypeError(f"{what} must be a tensor, not {type(value).__name__}")
    if shape == ELEMENT and value.dtype is torch.uint8:
        # Blocks with codes, which are checked later.
        return value
    if name == REMAINDER and value.dtype not in _REMAINDERS:
        raise TypeError(f"{what} must be a tensor of int8 or int16, not {value.dtype}")
    is_complex = shape == ELEMENT and param.is_complex()
    if name != REMAINDER and not (value.is_complex() if is_complex else value.is_floating_point()):
        kind = "complex" if is_complex else "floating-point"
        raise TypeError(f"{what} must be a tensor of {kind} numbers, not {value.dtype}")
    if shape != ELEMENT:
        if is_shared(value):
            raise ValueError(f"{what} must be the same in all processes, not spread over them")
        return value
    if value.shape != param.shape:
        raise ValueError(
            f"{what} has shape {tuple(value.shape)}, the parameter {tuple(param.shape)}"
        )
    if (is_shared(param) and not is_owned) != is_shared(value):
        raise ValueError(f"{what} must be spread over processes just as the parameter is")
    return value


def _age(path: str, value: Any) -> float:
    what = f"the state {AGE} of parameter {path}"
    if isinstance(value, Tensor) and value.numel() != 1:
        raise ValueError(f"{what} must be one number, not {value.numel()}")
    try:
        age = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{what} must be a number, not {value!r}") from None
    if not (age >= 0 and math.isfinite(age) and age == int(age)):
        raise ValueError(f"{what} must be a whole number from 0 on, not {age}")
    return age
