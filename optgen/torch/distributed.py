"""DTensors: local shards, and sums over all shards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from math import prod
from typing import Any

import numpy as np
import torch
from torch import distributed

from optgen.runtime.kernels import MATRIX
from optgen.runtime.ownership import stretch_of
from optgen.runtime.shards import Part, Vector
from optgen.runtime.view import Stretch
from optgen.torch.complex_numbers import as_real

Tensor = torch.Tensor
Host = np.ndarray[Any, np.dtype[Any]]
#: The placements of matrices that a rule with a view takes.
_KNOWN = ("Shard", "Replicate")


def is_shared(tensor: object) -> bool:
    """Whether a tensor is a DTensor."""
    return hasattr(tensor, "to_local")


def local(tensor: Any) -> Tensor:
    """The local shard of a tensor, or the tensor; of complex numbers, their parts."""
    shard: Tensor = tensor.to_local() if is_shared(tensor) else tensor
    return as_real(shard.detach())


def refuse_unsummed(name: str, param: Any) -> None:
    """Raise ValueError for a ``Partial`` parameter."""
    if is_shared(param) and any(placement.is_partial() for placement in param.placements):
        raise ValueError(
            f"{name} is a sum whose terms are in several processes; redistribute it, since the "
            "update of a sum isn't the sum of updates"
        )


def refuse_flat(name: str, param: Any) -> None:
    """Raise ValueError for what an engine has flattened, so that nobody sees its matrices."""
    is_flat = getattr(param, "_is_flat_param", False) or getattr(param, "_fsdp_flattened", False)
    whole = tuple(getattr(param, "ds_shape", param.shape))
    if (is_flat and param.ndim == 1) or whole != tuple(param.shape):
        raise ValueError(
            f"{name} is a flat part of parameters, whose rows and columns this rule needs; shard "
            "with torch.distributed.fsdp.fully_shard, which keeps shapes, or put what is no matrix "
            f"into a group with {MATRIX!r}: False"
        )


def refuse_grids(name: str, param: Any) -> None:
    """Raise ValueError for a matrix in parts along several dimensions of a mesh."""
    if len(spread_dimensions(param)) > 1:
        raise ValueError(
            f"{name} has the placements {param.placements}, and this rule gathers whole matrices, "
            "along one dimension of a mesh; redistribute it as Replicate() along the others, or "
            f"put it into a group with {MATRIX!r}: False"
        )


def refuse_strided(name: str, param: Any) -> None:
    """Raise ValueError for a parameter whose parts are no stretches of its dimensions."""
    if _is_irregular(param):
        raise ValueError(
            f"{name} has the placements {param.placements}, and this rule needs the place of each "
            "element; redistribute it, so that each process has a stretch of each dimension"
        )


def _is_irregular(param: Any) -> bool:
    """Whether what is here of a parameter are no stretches of its dimensions."""
    return is_shared(param) and any(type(p).__name__ not in _KNOWN for p in param.placements)


def spread_dimensions(param: Any) -> list[int]:
    """The dimensions of the mesh along which each process has another part."""
    placements = enumerate(param.placements if is_shared(param) else ())
    return [k for k, one in placements if not one.is_replicate()]


def part_of(param: Any) -> Part | None:
    """The stretch of each dimension that this process has; None where it has all."""
    if not (spread := spread_dimensions(param)):
        return None
    ranks = {dimension: param.device_mesh.get_local_rank(dimension) for dimension in spread}
    stretches = _stretches(param, ranks)
    return Part(tuple(param.shape), stretches, in_one_memory(param.shape, param.stride()))


def largest_part(param: Any) -> int:
    """The elements of the largest part of a parameter, which is the first one."""
    first = dict.fromkeys(spread_dimensions(param), 0)
    return prod(count for _, count in _stretches(param, first))


def _stretches(param: Any, ranks: Mapping[int, int]) -> list[Stretch]:
    """The stretches that a process has, given its number along each dimension of the mesh."""
    stretches = [(0, count) for count in param.shape]
    for dimension, number in ranks.items():
        placement = param.placements[dimension]
        first, count = stretches[placement.dim]
        begin, here = stretch_of(count, param.device_mesh.size(dimension), number)
        stretches[placement.dim] = first + begin, here
    return stretches


def in_one_memory(shape: Sequence[int], strides: Sequence[int]) -> list[int]:
    """The strides of a tensor in one memory, in whose order of dimensions nothing is between."""
    found, size = [0] * len(shape), 1
    # Of dimensions that can't be told apart, the last one is the fastest.
    for axis in sorted(range(len(shape)), key=lambda axis: (strides[axis], -axis)):
        found[axis], size = size, size * shape[axis]
    return found


def whole(tensor: Any) -> Tensor:
    """A tensor that every process has, of a DTensor."""
    found: Tensor = tensor.full_tensor() if is_shared(tensor) else tensor
    return found


def placed_like(gradient: Any, param: Any) -> Any:
    """A gradient with the placements of its parameter."""
    if not (is_shared(gradient) and is_shared(param)) or gradient.placements == param.placements:
        return gradient
    return gradient.redistribute(param.device_mesh, param.placements)


def numbers_in_all_processes(params: Iterable[object]) -> AbstractContextManager[None]:
    """A context in which operations on DTensors take tensors that all processes have."""
    if not any(map(is_shared, params)):
        return nullcontext()
    # Importing it takes half a second, which those without DTensors need not wait.
    found: Any = import_module("torch.distributed.tensor.experimental")
    replicating: AbstractContextManager[None] = found.implicit_replication()
    return replicating


def _owned(part: Part | None, is_here: bool | None) -> Part | None:
    """The part of a parameter that is in a model; the owner's has all of it."""
    if part is None or is_here is None:
        return part
    return None if is_here else Part(part.shape, [(0, 0)] * len(part.shape), part.strides)


class Shards:
    """The shards of parameters over processes."""

    def __init__(self, params: Sequence[Any], owned: Mapping[int, bool]) -> None:
        """One process has all of those that are ``owned``: whether it is this one."""
        self.owned = owned
        self.irregular: Collection[int] = {k for k, p in enumerate(params) if _is_irregular(p)}
        #: Numbers of elements of the whole parameters.
        self.sizes = np.array([param.numel() for param in params], np.int64)
        rows: dict[Any, list[int]] = {}
        for index, param in enumerate(params):
            for dimension, placement in enumerate(param.placements if is_shared(param) else ()):
                # Replicas in several processes are counted once.
                if not placement.is_replicate():
                    rows.setdefault(param.device_mesh.get_group(dimension), []).append(index)
        self._rows = rows
        parts = [part_of(param) for param in params]
        self._parts = [_owned(one, owned.get(k)) for k, one in enumerate(parts)]

    def __bool__(self) -> bool:
        return bool(self._rows)

    def complete(self, results: Host, orders: Sequence[int]) -> None:
        """Turn results for parts, a row for each parameter, into those for whole parameters.

        ``orders`` are 0 for a column of sums, 1 for largest and -1 for smallest values. All
        processes of a group must call it alike, those whose parts are empty too.
        """
        signs = np.array(orders)
        for group, rows in self._rows.items():
            here = results[rows]
            here[:, signs == 0] = _summed(here[:, signs == 0], group)
            here[:, signs != 0] = _largest(here[:, signs != 0], signs[signs != 0], group)
            results[rows] = here

    def part(self, index: int) -> Part | None:
        """What is here of a parameter; None where all of it is."""
        return self._parts[index]

    def complete_vectors(self, vectors: Sequence[Vector]) -> None:
        """Turn vectors of results for rows and columns of parts into those for the whole."""
        for group, rows in self._rows.items():
            own = [(array, order) for index, array, order in vectors if index in rows]
            sums = [array for array, order in own if order == 0]
            others = [array for array, order in own if order]
            orders = [np.full(array.shape, order) for array, order in own if order]
            if sums:
                _spread_out(_summed(np.concatenate(sums), group), sums)
            if others:
                signs = np.concatenate(orders)
                _spread_out(_largest(np.concatenate(others), signs, group), others)


def _spread_out(values: Host, arrays: Sequence[Host]) -> None:
    """Assign values that follow each other to arrays."""
    begin = 0
    for array in arrays:
        array[...] = values[begin : begin + array.size]
        begin += array.size


def _summed(values: Host, group: Any) -> Host:
    return _reduced(values, distributed.ReduceOp.SUM, group)


def _largest(values: Host, signs: Host, group: Any) -> Host:
    """The largest values of all processes, or the smallest where a sign is negative."""
    signed = values * signs
    # Which one of a number and NaN is the larger depends on the library.
    both = np.stack([np.where(np.isnan(signed), -np.inf, signed), np.isnan(signed)])
    found, is_nan = _reduced(both, distributed.ReduceOp.MAX, group)
    return np.where(is_nan > 0, np.nan, found) * signs


def _reduced(values: Host, operation: Any, group: Any) -> Host:
    """Values of all processes as one; nothing is sent where there are none."""
    found = torch.from_numpy(np.ascontiguousarray(values))
    if found.numel():
        distributed.all_reduce(found, operation, group=group)
    return found.numpy()
