"""Matrices in parts: one process owns each, and computes its steps from the gathered whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import distributed

from optgen.runtime.memory import Mask
from optgen.runtime.ownership import owners_of, work_of
from optgen.runtime.transaction import Call
from optgen.torch.distributed import in_one_memory, is_shared, local, spread_dimensions
from optgen.torch.exchange import Divided, gather, give_back

Tensor = torch.Tensor
#: The owner of each parameter that is a matrix in parts: its number in the group of processes.
Owners = MutableMapping[Tensor, int]


def group_of(param: Any) -> Any:
    """The processes that have the parts of a parameter."""
    (dimension,) = spread_dimensions(param)
    return param.device_mesh.get_group(dimension)


def assign(
    owners: Owners,
    params: Sequence[Tensor],
    states: Mapping[Any, Any],
    everywhere: Collection[str],
    view: str,
) -> None:
    """Give those of the parameters that have no owner one, alike in all processes.

    It is the process that alone has states of the whole parameter, but those that are
    ``everywhere``. Others go to the process with the least work so far, the largest first.
    """
    groups: dict[Any, list[Tensor]] = {}
    for param in params:
        groups.setdefault(group_of(param), []).append(param)
    for group, some in groups.items():
        new = [param for param in some if param not in owners]
        if not new:
            continue
        loads = np.zeros(distributed.get_world_size(group))
        for param in some:
            if param in owners:
                loads[owners[param]] += work_of(param.shape, view)
        has = [_has_whole(states.get(param) or {}, everywhere) for param in new]
        holders = _holders(torch.tensor(has, device=local(new[0]).device), group)
        held = [some[0] if len(some) == 1 else None for some in holders]
        works = [work_of(param.shape, view) for param in new]
        owners.update(zip(new, owners_of(works, held, loads), strict=True))


def _holders(here: Tensor, group: Any) -> list[list[int]]:
    """For each parameter, the processes that have states of all of it."""
    found = [torch.empty_like(here) for _ in range(distributed.get_world_size(group))]
    distributed.all_gather(found, here, group=group)
    return [np.flatnonzero(column).tolist() for column in torch.stack(found).cpu().numpy().T]


def _has_whole(own: Mapping[str, Any], everywhere: Collection[str]) -> bool:
    tensors = [v for name, v in own.items() if name not in everywhere and isinstance(v, Tensor)]
    return any(not is_shared(value) for value in tensors)


def divided(param: Any, owner: int) -> Divided:
    """How a parameter is divided between processes, of which one owns it."""
    (dimension,) = spread_dimensions(param)
    axis = param.placements[dimension].dim
    return Divided(tuple(param.shape), param.dtype, axis, group_of(param), owner)


class Owned:
    """The parameters that are matrices in parts, and the memory of those owned here.

    For the model of a process, a parameter is whole if it owns it, and else has no elements.
    """

    def __init__(self, params: Sequence[Any], owners: Mapping[Tensor, int]) -> None:
        self._params = list(params)
        #: What is exchanged of each, by its index.
        self.divided: dict[int, Divided] = {}
        #: Whether this process owns it.
        self.here: dict[int, bool] = {}
        self._memory: dict[int, Tensor] = {}
        for index, param in enumerate(self._params):
            if param in owners:
                self.divided[index] = one = divided(param, owners[param])
                self.here[index] = one.is_here
                self._memory[index] = self._new(index)

    def _new(self, index: int) -> Tensor:
        """Memory for what is here of the whole, in the parameter's order of elements."""
        param = self._params[index]
        device = local(param).device
        if not self.here[index]:
            return torch.empty((0, *param.shape[1:]), dtype=param.dtype, device=device)
        strides = in_one_memory(param.shape, param.stride())
        return torch.empty_strided(param.shape, strides, dtype=param.dtype, device=device)

    def parts(self) -> list[Tensor]:
        """What a process updates of each parameter."""
        pairs = enumerate(self._params)
        return [self._memory[k] if k in self._memory else local(param) for k, param in pairs]

    def fill(self, chosen: Mask) -> list[Call]:
        """Gather chosen parameters; returns the calls that send their parts back."""
        if not (some := [k for k in self.divided if chosen[k]]):
            return []
        tensors = [self.divided[k] for k in some]
        parts = [local(self._params[k]) for k in some]
        wholes = [self._memory[k] for k in some]
        gather(tensors, parts, wholes)
        return [(give_back, tensors, wholes, parts)]

    def gathered(self, found: Sequence[Tensor | None]) -> list[Tensor | None]:
        """Tensors like the parts of parameters, in place of which come wholes where owned."""
        some = [k for k in self.divided if found[k] is not None]
        wholes = {k: self._new(k) for k in some}
        parts = [found[k] for k in some]
        tensors = [self.divided[k] for k in some]
        gather(tensors, [one for one in parts if one is not None], [*wholes.values()])
        return [wholes.get(k, one) for k, one in enumerate(found)]
