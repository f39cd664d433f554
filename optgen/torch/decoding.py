"""State dictionaries that have numbers in place of codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from optgen.runtime.codes import CODES, storage_of
from optgen.torch.coded_states import decoded
from optgen.torch.found_states import like
from optgen.torch.parameters import Parameters


@contextmanager
def decoding(optimizer: torch.optim.Optimizer, current: Callable[[], Parameters]) -> Iterator[None]:
    """A context in which state dictionaries have float32 copies of states with codes.

    Hooks of others see them, since this one runs before.
    """

    def decode(_: torch.optim.Optimizer, state_dict: dict[str, Any]) -> None:
        states = state_dict["state"]
        if not states:
            return
        made = current()
        for index in sorted(set(states).intersection(range(len(made.params)))):
            states[index] = {**states[index], **_numbers(made, index)}

    hook = optimizer.register_state_dict_post_hook(decode, prepend=True)
    try:
        yield
    finally:
        hook.remove()


def _numbers(made: Parameters, index: int) -> dict[str, torch.Tensor]:
    """The states of a parameter that have codes, as float32."""
    variable, param = made.model.variables[index], made.params[index]
    return {
        name: like(decoded(array, variable, CODES[storage_of(array.dtype)]), param)
        for name, array in made.model.state_of(index).items()
        if storage_of(array.dtype) in CODES
    }
