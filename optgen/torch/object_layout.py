"""Memory offsets in torch's objects: from a Python object to its tensor, and to the gradient.

No interface defines them; they are detected by comparing samples before and after they get a
gradient. If the result is ambiguous, tensors are read one by one.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from optgen.runtime.cpu.headers import ITEMS, TYPE, are_readable
from optgen.runtime.cpu.jit import looking
from optgen.runtime.cpu.pointers import number_at, view

Host = np.ndarray[Any, np.dtype[np.int64]]
int64 = np.int64
_WORD = 8
#: The number of words that torch's objects are known to have.
_OF_A_TENSOR, _OF_ITS_GRAPH = 16, 12


@dataclass(frozen=True)
class Places:
    """Offsets in bytes, and the reference to no tensor."""

    tensor: int
    graph: int
    gradient: int
    missing: int

    def of(self, tensors: Sequence[torch.Tensor]) -> Host:
        """The addresses of objects' references to their tensors."""
        return np.array([id(tensor) + self.tensor for tensor in tensors], int64)

    def of_items(self, tensors: list[Any]) -> Host | None:
        """The same for a list of arbitrary objects; None if one isn't a tensor."""
        found = np.empty(len(tensors), int64)
        kinds = np.array([id(torch.Tensor), id(torch.nn.Parameter)], int64)
        return found if handles_of(id(tensors), kinds, self.tensor, found) else None

    def of_gradients(self, tensors: Host) -> Host:
        """Where tensors, given by references to them, refer to their gradients; 0 for nowhere."""
        found = np.empty_like(tensors)
        handles_of_gradients(tensors, self.graph, self.gradient, found)
        return found


@looking
def handles_of(items: int, kinds: Host, place: int, found: Host) -> int:
    """Whether all items of a list are of one of two types, and where these refer to a tensor."""
    objects = view(number_at(items + ITEMS, int64), found.size, int64)
    for k in range(found.size):
        kind = number_at(objects[k] + TYPE, int64)
        if kind != kinds[0] and kind != kinds[1]:
            return 0
        found[k] = objects[k] + place
    return 1


@looking
def handles_of_gradients(tensors: Host, graph: int, gradient: int, found: Host) -> int:
    """The addresses of tensors' references to gradients; 0 for a tensor without metadata."""
    for k in range(tensors.size):
        place = number_at(number_at(tensors[k], int64) + graph, int64)
        found[k] = place + gradient if place else 0
    return 1


@cache
def places() -> Places | None:
    """The offsets in objects of this version of torch; None if they can't be verified."""
    if not are_readable():
        return None
    sample, gradient = torch.zeros(3), torch.zeros(3)
    own = words(id(sample), torch.Tensor.__basicsize__ // _WORD)
    before = words(sample._cdata, _OF_A_TENSOR)
    sample.requires_grad_()
    after = words(sample._cdata, _OF_A_TENSOR)
    tensor, graph = only(own == sample._cdata), only(before != after)
    if tensor is None or graph is None or before[graph] != 0:
        return None
    bare = words(after[graph], _OF_ITS_GRAPH)
    sample.grad = gradient
    given = words(after[graph], _OF_ITS_GRAPH)
    sample.grad = None
    place = only(given == gradient._cdata)
    if place is None or place != only(given != bare):
        return None
    if (words(after[graph], _OF_ITS_GRAPH) != bare).any():
        return None
    return Places(_WORD * tensor, _WORD * graph, _WORD * place, int(bare[place]))


def words(address: int, count: int) -> Host:
    """The words of an object in memory."""
    return np.array((ctypes.c_int64 * count).from_address(int(address)), int64)


def only(found: Any) -> int | None:
    """The index of the only true element; None if there isn't exactly one."""
    (where,) = np.nonzero(found)
    return int(where[0]) if where.size == 1 else None
