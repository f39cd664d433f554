"""Where a parameter is in the groups of an optimizer: found by itself or by its name."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from optgen.runtime.suggestions import nearest
from optgen.torch.storage import names_of

Tensor = torch.Tensor
Groups = Sequence[MutableMapping[str, Any]]


@dataclass(frozen=True)
class Place:
    """A parameter: its group, its number there, and its index among all parameters."""

    owner: str
    name: str
    param: Tensor
    group: MutableMapping[str, Any]
    number: int
    index: int

    @property
    def what(self) -> str:
        """What messages call the parameter."""
        return f"{self.owner}: parameter {self.name}"


def place_of(owner: str, which: Tensor | str, groups: Groups) -> Place:
    """The place of a parameter that is given as such, or by name.

    Names are those of ``named_parameters()``, or the option ``"name"`` of a group of one parameter.
    Raises KeyError for a name that none has, and ValueError for a tensor that is none of them.
    """
    if not isinstance(which, (Tensor, str)):
        raise TypeError(f"{owner}: a parameter is given as such or by its name, not as {which!r}")
    found = list(_places(owner, groups))
    for place in found:
        if place.param is which or (isinstance(which, str) and place.name == which):
            return place
    if isinstance(which, str):
        raise KeyError(
            f"{owner}: no parameter is called {which!r}{nearest(which, (p.name for p in found))}"
        )
    raise ValueError(f"{owner} has no such parameter of shape {tuple(which.shape)}")


def _places(owner: str, groups: Groups) -> list[Place]:
    names, found = iter(names_of(groups).values()), list[Place]()
    for group in groups:
        is_named = "param_names" not in group and len(group["params"]) == 1
        for number, param in enumerate(group["params"]):
            name = next(names)
            own = str(group["name"]) if is_named and "name" in group else name
            found.append(Place(owner, own, param, group, number, len(found)))
    return found
