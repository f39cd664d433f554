"""The plan of a step over several processes: which collectives move how many bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from optgen.runtime.text_table import aligned
from optgen.torch.exchange import Divided, buckets

#: What a collective moves between the parts of parameters and their owners.
Moved = Literal["gradients to owners", "parameters to owners", "parameters back"]
_TITLES = ("bucket", "collective", "parameters", "owners", "bytes sent", "bytes received")
#: Names of a bucket that the table shows.
_SHOWN = 3


@dataclass(frozen=True)
class Collective:
    """One ``all_to_all_single``; processes are numbered as in the group that makes it.

    The bytes are those that each process exchanges with others, not with itself.
    """

    bucket: int
    moved: Moved
    params: tuple[str, ...]
    owners: tuple[int, ...]
    sent: tuple[int, ...]
    received: tuple[int, ...]


class ShardingPlan(tuple[Collective, ...]):
    """The collectives of a step in which all parameters have a gradient; as text, a table."""

    __slots__ = ()

    def __str__(self) -> str:
        return aligned([_TITLES, *map(_row, self)])


def _row(one: Collective) -> tuple[str, ...]:
    more = len(one.params) - _SHOWN
    names = ", ".join(one.params[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    owners = dict.fromkeys(one.owners)
    numbers = (", ".join(map(str, some)) for some in (sorted(owners), one.sent, one.received))
    return str(one.bucket), one.moved, names, *numbers


def plan_of(divided: Mapping[int, Divided], names: Sequence[str]) -> ShardingPlan:
    """The collectives for matrices in parts, given by the indices of their parameters."""
    return ShardingPlan(_collectives(divided, names))


def _collectives(divided: Mapping[int, Divided], names: Sequence[str]) -> Iterator[Collective]:
    indices, tensors = [*divided], [*divided.values()]
    found = [*enumerate(buckets(tensors))]
    orders: tuple[Moved, ...] = ("gradients to owners", "parameters to owners", "parameters back")
    for moved in orders:
        for number, bucket in found:
            some = [tensors[k] for k in bucket]
            counts = _from_parts(some), _from_others(some)
            sent, received = reversed(counts) if moved == "parameters back" else counts
            params = tuple(names[indices[k]] for k in bucket)
            yield Collective(number, moved, params, tuple(t.owner for t in some), sent, received)


def _from_parts(tensors: Sequence[Divided]) -> tuple[int, ...]:
    """The bytes of the parts that each process has of what others own."""
    return tuple(
        sum(one.bytes_at(rank) for one in tensors if one.owner != rank)
        for rank in range(tensors[0].ranks)
    )


def _from_others(tensors: Sequence[Divided]) -> tuple[int, ...]:
    """The bytes of the parts that others have of what each process owns."""
    return tuple(
        sum(one.bytes - one.bytes_at(rank) for one in tensors if one.owner == rank)
        for rank in range(tensors[0].ranks)
    )
