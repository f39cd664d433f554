"""Types of torch's arguments, as editors, type checkers and parsers of command lines read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch.optim.optimizer import ParamsT

from optgen.runtime.hyperparameters.declarations import Hyperparameter
from optgen.runtime.hyperparameters.storage import Rounding, StateDtype
from optgen.torch.arguments import BACKEND, IMPLEMENTATIONS, RULES, Argument
from optgen.torch.rules import Rules

#: A number of a group, which schedulers may replace.
Number = float | torch.Tensor
StateDtypes = StateDtype | torch.dtype | Mapping[str, StateDtype | torch.dtype]

#: The types of the arguments that all classes have.
COMMON: Mapping[str, Any] = {
    "params": ParamsT,
    "state_dtype": StateDtypes | None,
    "rounding": Rounding,
    "rounding_seed": int,
    RULES: Rules | None,
    **dict.fromkeys(IMPLEMENTATIONS, bool | None),
    BACKEND: Literal["kernels", "torch"] | None,
}


def type_of(argument: Argument) -> Any:
    """The type of an argument of torch's; None is part of it where it is the default."""
    if argument.words:
        return Literal[argument.words] | None
    if not argument.parts:
        return type(argument.fixed)
    types = [_type_of(part, is_grouped=argument.is_grouped) for part in argument.parts]
    if len(types) == 1:
        return types[0] | None if argument.default is None else types[0]
    unset = [one is None for one in argument.partial] or [False] * len(types)
    each = [one | None if may_be else one for one, may_be in zip(types, unset, strict=True)]
    return tuple[tuple(each)]  # type: ignore[misc]


def _type_of(part: Hyperparameter, *, is_grouped: bool) -> Any:
    if part.is_switch:
        return bool
    if part.is_list:
        return Sequence[float]
    if part.integer:
        return int
    return Number if is_grouped else float
