"""Exchanges of tensors between the processes that have parts and the one that owns the whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import distributed

from optgen.runtime.ownership import BUCKET_BYTES, buckets_of, stretch_of

Tensor = torch.Tensor


@dataclass(frozen=True)
class Divided:
    """A tensor that ``owner`` has whole, and each process of a group a stretch of one axis of.

    Processes are numbered as in the group. Without an axis, each has all of it.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype
    axis: int | None
    group: Any
    owner: int

    @property
    def ranks(self) -> int:
        """The number of processes."""
        return int(distributed.get_world_size(self.group))

    @property
    def rank(self) -> int:
        """The number of this process."""
        return int(distributed.get_rank(self.group))

    @property
    def is_here(self) -> bool:
        """Whether this process is the owner."""
        return self.rank == self.owner

    def stretch(self, rank: int) -> tuple[int, int]:
        """The first place that a process has along the axis, and how many; as torch.chunk does."""
        assert self.axis is not None
        return stretch_of(self.shape[self.axis], self.ranks, rank)

    def shape_at(self, rank: int) -> tuple[int, ...]:
        """The shape of the part of a process."""
        if self.axis is None:
            return self.shape
        return (*self.shape[: self.axis], self.stretch(rank)[1], *self.shape[self.axis + 1 :])

    def part(self, whole: Tensor, rank: int) -> Tensor:
        """The part of a process in the memory of the whole tensor."""
        return whole if self.axis is None else whole.narrow(self.axis, *self.stretch(rank))

    def bytes_at(self, rank: int) -> int:
        """The bytes of the part of a process."""
        return prod(self.shape_at(rank)) * self.dtype.itemsize

    @property
    def bytes(self) -> int:
        """The bytes of the whole tensor."""
        return prod(self.shape) * self.dtype.itemsize


def buckets(tensors: Sequence[Divided]) -> Iterator[list[int]]:
    """The indices of tensors that one collective moves: of one group and dtype, in order."""
    kinds = [(one.group, one.dtype) for one in tensors]
    return buckets_of(kinds, [one.bytes for one in tensors], BUCKET_BYTES)


def gather(tensors: Sequence[Divided], parts: Sequence[Tensor], wholes: Sequence[Tensor]) -> None:
    """Fill the wholes of the owners from the parts of all processes."""
    for bucket in buckets(tensors):
        group = tensors[bucket[0]].group
        _exchange(*_sides(tensors, bucket, parts, wholes), group)


def give_back(
    tensors: Sequence[Divided], wholes: Sequence[Tensor], parts: Sequence[Tensor]
) -> None:
    """Fill the parts of all processes from the wholes of the owners."""
    for bucket in buckets(tensors):
        group = tensors[bucket[0]].group
        here, owned = _sides(tensors, bucket, parts, wholes)
        _exchange(owned, here, group)


#: Tensors that one process sends, or receives, by the number of the other process.
_ByRank = list[list[Tensor]]


def _sides(
    tensors: Sequence[Divided], bucket: list[int], parts: Sequence[Tensor], wholes: Sequence[Tensor]
) -> tuple[_ByRank, _ByRank]:
    """The parts that are here by owner, and those of the wholes owned here by process."""
    group = tensors[bucket[0]].group
    rank, ranks = distributed.get_rank(group), range(distributed.get_world_size(group))
    here = [[parts[k] for k in bucket if tensors[k].owner == owner] for owner in ranks]
    own = [k for k in bucket if tensors[k].owner == rank]
    return here, [[tensors[k].part(wholes[k], other) for k in own] for other in ranks]


def _exchange(sent: _ByRank, received: _ByRank, group: Any) -> None:
    """One collective: each process sends some tensors to each."""
    flat = [tensor.reshape(-1) for some in sent for tensor in some]
    targets = [tensor for some in received for tensor in some]
    near = (flat or targets)[0]
    outgoing = torch.cat(flat) if flat else near.new_empty(0)
    incoming = near.new_empty(sum(tensor.numel() for tensor in targets))
    counts, own = ([sum(t.numel() for t in some) for some in side] for side in (received, sent))
    distributed.all_to_all_single(incoming, outgoing, counts, own, group=group)
    begin = 0
    for tensor in targets:
        tensor.copy_(incoming[begin : begin + tensor.numel()].view(tensor.shape))
        begin += tensor.numel()
