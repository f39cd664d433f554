"""DTensors in bulk: memory offsets from their objects to what is here of them.

No interface defines these offsets; they are found in an object of torch, and checked in all others
when they are first read. Where that fails, DTensors are read one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch.distributed.tensor import DTensor

from optgen.runtime.cpu.headers import TYPE, are_readable
from optgen.runtime.cpu.jit import looking
from optgen.runtime.cpu.pointers import number_at
from optgen.torch.object_layout import Host, Places, only, words

int64 = np.int64
_WORD = 8


#: The words of torch's object of a tensor, and the bits of an address that may be marks.
_OF_A_TENSOR, _MARKS = 16, 15


@looking
def handles_inside(
    objects: Host, kinds: Host, offsets: Host, specs: Host, place: int, found: Host
) -> int:
    """Whether objects are tensors, or DTensors of such, and where these refer to them.

    ``kinds`` are the addresses of both types of tensors and of that of DTensors; ``offsets`` are
    those from a DTensor to its local tensor and to its placements, which have to be ``specs``. Of
    a tensor these are 0; -1 stands for any.
    """
    for k in range(objects.size):
        own, spec = objects[k], 0
        if own == 0:
            return 0
        if number_at(own + TYPE, int64) == kinds[2]:
            spec = number_at(own + offsets[1], int64)
            own = number_at(own + offsets[0], int64)
        kind = number_at(own + TYPE, int64)
        if (kind != kinds[0] and kind != kinds[1]) or (specs[k] != -1 and specs[k] != spec):
            return 0
        found[k] = own + place
    return 1


@looking
def objects_of(handles: Host, missing: int, place: int, found: Host) -> int:
    """The objects of tensors, given by references to these; 0 where there is no tensor."""
    for k in range(handles.size):
        tensor = number_at(handles[k], int64) if handles[k] else missing
        found[k] = number_at(tensor + place, int64) & ~_MARKS if tensor != missing else 0
    return 1


@looking
def are_still(objects: Host, spread: Host, offset: int, held: Host) -> int:
    """Whether DTensors, whose places are ``spread``, still have the local tensors ``held``."""
    for place in spread:
        if number_at(objects[place] + offset, int64) != held[place]:
            return 0
    return 1


class Inside:
    """Reads tensors, and what is here of DTensors, by the addresses of their objects."""

    def __init__(self, tensors: Sequence[Any], offsets: Host, places: Places) -> None:
        self._offsets, self._places = offsets, places
        kinds = torch.Tensor, torch.nn.Parameter, DTensor
        self._kinds = np.array([*map(id, kinds)], int64)
        parts = [part_of(tensor) for tensor in tensors]
        self._objects = np.array([*map(id, tensors)], int64)
        self._held = np.array([*map(id, parts)], int64)
        self._spread = np.flatnonzero(self._objects != self._held)
        self._own, self._object = places.of(tensors), place_of_object()
        #: Where the tensors, or what is here of them, are referred to.
        self.references = places.of(parts)

    @classmethod
    def of(cls, tensors: Sequence[Any], places: Places) -> Inside | None:
        """What reads these; None if they have to be read one by one."""
        spread = [tensor for tensor in tensors if type(tensor) is DTensor]
        if not spread or not are_readable():
            return None
        own = words(id(spread[0]), DTensor.__basicsize__ // _WORD)
        found = [only(own == id(part)) for part in (spread[0]._local_tensor, spread[0]._spec)]
        if None in found:
            return None
        made = cls(tensors, _WORD * np.array(found, int64), places)
        handles = made._handles(made._objects, np.full(len(tensors), -1, int64))
        return made if handles is not None and (handles == made.references).all() else None

    @property
    def are_current(self) -> bool:
        """Whether the DTensors still have the same local tensors."""
        return bool(are_still(self._objects, self._spread, self._offsets[0], self._held))

    def handles_of_gradients(self, specs: Host) -> Host | None:
        """Where gradients with these placements are referred to; None if one isn't so."""
        if self._object is None:
            return None
        found = np.empty_like(self._objects)
        references = self._places.of_gradients(self._own)
        objects_of(references, self._places.missing, self._object, found)
        return self._handles(found, specs)

    def _handles(self, objects: Host, specs: Host) -> Host | None:
        found = np.empty(len(objects), int64)
        own = objects, self._kinds, self._offsets, specs, self._places.tensor, found
        return found if handles_inside(*own) else None


@cache
def place_of_object() -> int | None:
    """The offset from torch's object of a tensor to Python's; None if it isn't known."""
    samples = [torch.zeros(3), torch.zeros(2, 2)]
    found = {only(words(one._cdata, _OF_A_TENSOR) & ~_MARKS == id(one)) for one in samples}
    place = found.pop()
    return None if found or place is None else _WORD * place


def part_of(tensor: Any) -> Any:
    """What is here of a DTensor, as it holds it; another tensor itself."""
    return tensor._local_tensor if type(tensor) is DTensor else tensor


def spec_of(tensor: Any) -> Any:
    """The object that has the placements of a DTensor; None of another tensor."""
    return tensor._spec if type(tensor) is DTensor else None
