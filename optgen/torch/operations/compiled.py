"""Programs that torch.compile fuses: a kernel for a parameter, or one for each sum and the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import FunctionType
from typing import Any

import torch

from optgen.torch.operations.programs import Function, Parts, names, together
from optgen.torch.operations.tensors import Slot
from optgen.torch.version_counters import marking_changed

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
#: The shapes, dtypes and switches that one program may be compiled for.
_VARIANTS = 64


def run(function: Function, slots: Sequence[Slot]) -> None:
    """Run a program for parameters whose tensors are loaded, and store what is new."""
    with torch._dynamo.config.patch(recompile_limit=_VARIANTS, accumulated_recompile_limit=1024):
        together([_stages(function, slot) for slot in slots])
    for slot in slots:
        if not slot.in_place():
            slot.store(records=False)


def _stages(function: Function, slot: Slot) -> Parts:
    """A program of one parameter, in the manner of the generated functions that yield sums.

    Each stage computes again what the sums before it needed, so that it is one kernel.
    """
    values = {name: slot.values[name.removesuffix("_")] for name in names(function)}
    tensors, targets = _flat(slot)
    totals: list[Tensor] = []
    while (part := _stage(function)(function, tensors, values, totals, targets)) is not None:
        totals.append((yield part))


def _flat(slot: Slot) -> tuple[Tensors, Tensors]:
    """What a program takes and where it stores, without dimensions: one kernel for all shapes."""
    targets = slot.in_place()
    every = [*slot.tensors.values(), *targets.values()]
    if not targets or not all(one.is_contiguous() for one in every):
        return slot.tensors, targets
    changed = [*targets.values()]
    for mark, given in marking_changed(changed):
        mark(given)
    lines = {id(one): _line(one) for one in every}
    tensors = {name: lines[id(one)] for name, one in slot.tensors.items()}
    return tensors, {name: lines[id(one)] for name, one in targets.items()}


def _line(tensor: Tensor) -> Tensor:
    """The elements of a tensor without dimensions, in the same memory."""
    if not tensor.dim():
        return tensor
    # A view would bring along its tensor, and code is compiled anew for other dimensions of that.
    place = tensor.untyped_storage(), tensor.storage_offset(), (tensor.numel(),), (1,)
    return torch.empty(0, dtype=tensor.dtype, device=tensor.device).set_(*place)


@cache
def _stage(function: Function) -> Callable[..., tuple[int, Tensor] | None]:
    """The compiled stages of one program."""
    # What is compiled, and how often it may be, belongs to a code object.
    code = _advance.__code__.replace(co_name=f"{function.__module__.rpartition('.')[2]}_stage")
    own = FunctionType(code, _advance.__globals__)
    compiled: Any = torch.compile(own, dynamic=True)
    return compiled  # type: ignore[no-any-return]


def _advance(
    function: Function,
    tensors: Tensors,
    values: Mapping[str, Any],
    totals: Sequence[Tensor],
    targets: Mapping[str, Tensor],
) -> tuple[int, Tensor] | None:
    """The next part of a sum, or None at the end, when ``targets`` hold what is new.

    Without targets it is in ``tensors``.
    """
    new = dict(tensors)
    running = function(new, **values)
    if running is not None:
        try:
            part = next(running)
            for total in totals:
                part = running.send(total)
            return part  # type: ignore[no-any-return]
        except StopIteration:
            pass
    if targets:
        # A value may be what another target still holds.
        made = {name: new[name].clone() for name in targets}
        for name, target in targets.items():
            target.copy_(made[name])
    else:
        tensors.update(new)
    return None
