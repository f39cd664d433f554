"""States of owned matrices: whole in the owner's memory, DTensors in state dictionaries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from optgen.torch.distributed import is_shared, local, spread_dimensions
from optgen.torch.exchange import Divided, gather, give_back
from optgen.torch.owners import divided
from optgen.torch.parameters import Parameters
from optgen.torch.states import AGE

Tensor = torch.Tensor


def collect(
    owners: Mapping[Tensor, int], states: Mapping[Any, Any], everywhere: Collection[str]
) -> None:
    """Replace states that are DTensors by whole ones of the owners.

    Other processes keep nothing of a parameter but what is ``everywhere``. Raises ValueError for a
    state that is spread over other processes than its parameter.
    """
    moved: list[tuple[Divided, Tensor, Tensor]] = []
    for param, owner in owners.items():
        own: Any = states.get(param)
        entries = [*own.items()] if isinstance(own, MutableMapping) else []
        for name, value in entries:
            if name in everywhere or not isinstance(value, Tensor):
                continue
            one = divided(param, owner)
            if is_shared(value):
                shape, dtype = tuple(value.shape), value.dtype
                one = replace(one, shape=shape, dtype=dtype, axis=_axis(shape, param))
                part = _placed(name, value, param)
                own[name] = part.new_empty(shape if one.is_here else 0)
                moved.append((one, part, own[name]))
                if own.get(AGE) is None:
                    # Torch's classes may have no age, which the owner finds by the other states.
                    own[AGE] = 1.0
            if not one.is_here:
                del own[name]
    if moved:
        gather(*zip(*moved, strict=True))


def _placed(name: str, value: Any, param: Any) -> Tensor:
    """The part of a state that is here, divided as in state dictionaries."""
    if value.device_mesh != param.device_mesh:
        raise ValueError(f"the state {name} must be in the processes that the parameter is in")
    return local(value.redistribute(param.device_mesh, _placements(tuple(value.shape), param)))


def _axis(shape: tuple[int, ...], param: Any) -> int:
    """The axis along which a state is divided: that of the parameter if it is like it."""
    (dimension,) = spread_dimensions(param)
    axis: int = param.placements[dimension].dim
    return axis if shape == tuple(param.shape) else 0


def _placements(shape: tuple[int, ...], param: Any) -> list[Any]:
    dimensions, axis = spread_dimensions(param), _axis(shape, param)
    return [type(p)(axis) if k in dimensions else p for k, p in enumerate(param.placements)]


@contextmanager
def spreading(optimizer: torch.optim.Optimizer, made: Parameters) -> Iterator[None]:
    """A context in which a state dictionary has the states of owned matrices in all processes.

    Matrices are DTensors along the processes that have the parameter. Vectors and numbers are
    everywhere. Hooks of others see them, since these run behind. All processes enter it.
    """

    def spread(_: torch.optim.Optimizer, state_dict: dict[str, Any]) -> None:
        states, moved = state_dict["state"], []
        for index, owned in made.owned.divided.items():
            if own := states.get(index):
                states[index] = shown = dict.fromkeys(made.forms[index]) | own
                for name, (shape, dtype) in made.forms[index].items():
                    axis = _axis(shape, made.params[index]) if len(shape) > 1 else None
                    one = replace(owned, shape=shape, dtype=dtype, axis=axis)
                    part = local(made.params[index]).new_empty(one.shape_at(one.rank), dtype=dtype)
                    shown[name] = part if axis is None else _shared(part, one, made.params[index])
                    moved.append((one, own[name] if one.is_here else part, part))
        if moved:
            give_back(*zip(*moved, strict=True))

    hook = optimizer.register_state_dict_post_hook(spread, prepend=True)
    try:
        yield
    finally:
        hook.remove()


def _shared(part: Tensor, one: Divided, param: Any) -> Tensor:
    """A DTensor of the part of a state that is here."""
    strides = torch.empty(one.shape, device="meta").stride()
    place = param.device_mesh, _placements(one.shape, param)
    shape = torch.Size(one.shape)
    shared: Tensor = type(param.detach()).from_local(part, *place, shape=shape, stride=strides)
    return shared
