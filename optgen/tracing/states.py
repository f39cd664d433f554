"""What an optimizer keeps between steps: numbers and tensors, wherever it holds them."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, MutableSequence
from dataclasses import dataclass
from typing import Any

import torch

#: Attributes of every optimizer of torch that hold no state of a rule.
_COMMON = frozenset({"state", "param_groups", "defaults"})
_LISTS, _MAPPINGS = MutableSequence, MutableMapping


@dataclass(frozen=True)
class Slot:
    """A place that holds a number or a tensor."""

    #: The variable that it belongs to; None for one of all variables.
    variable: int | None
    path: tuple[str, ...]
    holder: Any
    key: Any

    @property
    def value(self) -> Any:
        """What it holds now."""
        if isinstance(self.holder, _LISTS | _MAPPINGS):
            return self.holder[self.key]
        return getattr(self.holder, self.key)

    def put(self, value: Any) -> None:
        """Replace what it holds."""
        if isinstance(self.holder, _LISTS | _MAPPINGS):
            self.holder[self.key] = value
        else:
            setattr(self.holder, self.key, value)

    @property
    def name(self) -> str:
        """The name of the state, before it is made one of the language."""
        return "_".join(self.path)

    @property
    def identity(self) -> tuple[int | None, tuple[str, ...]]:
        """What the same place has in common in two runs."""
        return (self.variable, self.path)


def slots_of(optimizer: Any, variables: list[torch.Tensor]) -> list[Slot]:
    """Every place that holds a number or a tensor, besides the parameters."""
    found: list[Slot] = []
    for number, variable in enumerate(variables):
        # Reading a state that isn't there would make it.
        if variable in optimizer.state:
            found += _inside(optimizer.state[variable], number, ())
    for key in list(optimizer.state):
        if not isinstance(key, torch.Tensor):
            found += _of(optimizer.state[key], Slot(None, (str(key),), optimizer.state, key))
    for group in optimizer.param_groups:
        found += [slot for slot in _inside(group, None, ()) if slot.path[0] != "params"]
    for name, value in vars(optimizer).items():
        if name not in _COMMON and not name.startswith("_optimizer_"):
            found += _of(value, Slot(None, (name,), optimizer, name))
    return found


def _inside(holder: Any, variable: int | None, path: tuple[str, ...]) -> Iterator[Slot]:
    if isinstance(holder, _MAPPINGS):
        for place, key in enumerate(list(holder)):
            # A key that is a hyperparameter's value is another one in another run.
            part = str(place + 1) if isinstance(key, float) else str(key)
            yield from _of(holder[key], Slot(variable, (*path, part), holder, key))
    elif isinstance(holder, _LISTS):
        for place, value in enumerate(holder):
            yield from _of(value, Slot(variable, (*path, str(place + 1)), holder, place))


def _of(value: Any, slot: Slot) -> Iterator[Slot]:
    if isinstance(value, bool) or len(slot.path) > 4:
        return
    if isinstance(value, int | float | torch.Tensor):
        yield slot
    elif isinstance(value, _LISTS | _MAPPINGS):
        yield from _inside(value, slot.variable, slot.path)
