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

    def complete(self, sums: Host) -> None:
        """Turn sums over parts, a row for each parameter, into those over whole parameters.

        All processes of a group must call it alike, those whose parts are empty too.
        """
        for group, rows in self._rows.items():
            found = torch.from_numpy(sums[rows])
            distributed.all_reduce(found, group=group)
            sums[rows] = found.numpy()
