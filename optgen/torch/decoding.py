"""State dictionaries that have numbers in place of codes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch

from optgen.runtime.codes import CODES, storage_of
from optgen.torch.coded_states import decoded
from optgen.torch.found_states import like
from optgen.torch.parameters import Parameters


class Decoding(ABC):
    """The part of an optimizer that has numbers in place of codes."""

    @abstractmethod
    def _current(self) -> Parameters:
        """The parameters, with their states."""

    def decoded(self) -> AbstractContextManager[None]:
        """A context in which ``state_dict`` has float32 copies in place of states with codes.

        They fit every class and storage, and any number of processes; loading them rounds again.
        """
        assert isinstance(self, torch.optim.Optimizer)
        return _decoding(self, self._current)


@contextmanager
def _decoding(
    optimizer: torch.optim.Optimizer, current: Callable[[], Parameters]
) -> Iterator[None]:
    """A context with a hook that decodes; hooks of others see numbers, since it runs before."""

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
