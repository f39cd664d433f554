"""DTensors: local shards, and sums over all shards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import distributed

Tensor = torch.Tensor
Host = np.ndarray[Any, np.dtype[Any]]


def is_shared(tensor: object) -> bool:
    """Whether a tensor is a DTensor."""
    return hasattr(tensor, "to_local")


def local(tensor: Any) -> Tensor:
    """The local shard of a tensor, or the tensor."""
    shard: Tensor = tensor.to_local() if is_shared(tensor) else tensor
    return shard.detach()


def refuse_unsummed(name: str, param: Any) -> None:
    """Raise ValueError for a ``Partial`` parameter."""
    if is_shared(param) and any(placement.is_partial() for placement in param.placements):
        raise ValueError(
            f"{name} is a sum whose terms are in several processes; redistribute it, since the "
            "update of a sum isn't the sum of updates"
        )


def refuse_spread_matrix(name: str, param: Any) -> None:
    """Raise ValueError for a matrix of which processes have parts."""
    if not is_shared(param) or param.dim() < 2:
        return
    for dimension, placement in enumerate(param.placements):
        if not placement.is_replicate() and param.device_mesh.size(dimension) > 1:
            raise ValueError(
                f"{name} is spread over processes, and this rule reduces rows and columns of "
                "matrices, which no process has whole; replicate it, or use another rule for it"
            )


def placed_like(gradient: Any, param: Any) -> Any:
    """A gradient with the placements of its parameter."""
    if not (is_shared(gradient) and is_shared(param)) or gradient.placements == param.placements:
        return gradient
    return gradient.redistribute(param.device_mesh, param.placements)


class Shards:
    """The shards of parameters over processes."""

    def __init__(self, params: Sequence[Any]) -> None:
        #: Numbers of elements of the whole parameters.
        self.sizes = np.array([param.numel() for param in params], np.int64)
        rows: dict[Any, list[int]] = {}
        for index, param in enumerate(params):
            for dimension, placement in enumerate(param.placements if is_shared(param) else ()):
                # Replicas in several processes are counted once.
                if not placement.is_replicate():
                    rows.setdefault(param.device_mesh.get_group(dimension), []).append(index)
        self._rows = rows

    def __bool__(self) -> bool:
        return bool(self._rows)

    def complete(self, results: Host, orders: Sequence[int]) -> None:
        """Turn results for parts, a row for each parameter, into those for whole parameters.

        ``orders`` are 0 for a column of sums, 1 for largest and -1 for smallest values. All
        processes of a group must call it alike, those whose parts are empty too.
        """
        signs = np.array(orders)
        for group, rows in self._rows.items():
            part = results[rows]
            summed, chosen = part[:, signs == 0], part[:, signs != 0] * signs[signs != 0]
            part[:, signs == 0] = _reduced(summed, distributed.ReduceOp.SUM, group)
            # Which one of a number and NaN is the larger depends on the library.
            both = np.stack([np.where(np.isnan(chosen), -np.inf, chosen), np.isnan(chosen)])
            found, is_nan = _reduced(both, distributed.ReduceOp.MAX, group)
            part[:, signs != 0] = np.where(is_nan > 0, np.nan, found) * signs[signs != 0]
            results[rows] = part


def _reduced(values: Host, operation: Any, group: Any) -> Host:
    """Values of all processes as one; nothing is sent where there are none."""
    found = torch.from_numpy(np.ascontiguousarray(values))
    if found.numel():
        distributed.all_reduce(found, operation, group=group)
    return found.numpy()
