"""Chunks: stretches of memory as units of work, each with the place of its first element.

Places count the elements of a whole variable. Where another process has a part of it, what is here
consists of segments: elements that follow each other here as in the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from optgen.runtime.codes import BLOCK
from optgen.runtime.shards import Part

Indices = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Segments:
    """The segments of a part, in the order of memory: their first places, and their length."""

    places: Indices
    length: int

    @property
    def has_blocks(self) -> bool:
        """Whether all but the last one end where blocks with codes do."""
        return len(self.places) == 1 or self.length % BLOCK == 0


def segments_of(part: Part, strides: Sequence[int]) -> Segments:
    """The segments of a part whose elements have these strides; both count elements."""
    first = sum(begin * stride for (begin, _), stride in zip(part.here, part.strides, strict=True))
    places, length = np.array([first], np.int64), 1
    # The axes that only one element is on have no order.
    axes = [axis for axis, (_, count) in enumerate(part.here) if count > 1]
    for axis in sorted(axes, key=lambda axis: strides[axis]):
        count, stride = part.here[axis][1], part.strides[axis]
        if len(places) == 1 and stride == length:
            length *= count
        else:
            steps = stride * np.arange(count, dtype=np.int64)
            places = (steps[:, None] + places[None, :]).reshape(-1)
    return Segments(places, length)


def one_segment(part: Part) -> Segments:
    """A part as one segment, whose places no other part has.

    They are those of the whole variable if the part is one stretch of it. Otherwise they are those
    in a memory where parts follow each other.
    """
    place, length = 0, 1
    # From the dimension with the largest steps on; of equal ones, the last is the fastest.
    slowest = sorted(range(len(part.shape)), key=lambda axis: (-part.strides[axis], axis))
    for number, axis in enumerate(slowest):
        begin, count = part.here[axis]
        place += length * begin * prod(part.shape[other] for other in slowest[number + 1 :])
        length *= count
    return Segments(np.array([place], np.int64), length)


class Chunks:
    """The chunks of some variables, of so many elements at ``most`` each."""

    def __init__(
        self,
        members: Indices,
        sizes: Indices,
        most: int,
        segments: Sequence[Segments | None] = (),
    ) -> None:
        """``members`` are numbers of variables, and ``sizes`` their elements here."""
        whole, lengths, places = members, sizes, np.zeros_like(sizes)
        begins = places
        parts = [segments[k] if segments else None for k in members.tolist()]
        if any(parts):
            whole, begins, lengths, places = _divided(members, sizes, parts)
        counts = -(-lengths // most)
        number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        within = number * most
        self.tensors = np.repeat(whole, counts)
        #: The first element of each, in memory.
        self.begins = np.repeat(begins, counts) + within
        self.lengths = np.minimum(most, np.repeat(lengths, counts) - within)
        self.places = np.repeat(places, counts) + within

    def table(self) -> Indices:
        """A row for each: variable, first element, number of elements, place of the first one."""
        columns = [self.tensors, self.begins, self.lengths, self.places]
        return np.ascontiguousarray(np.stack(columns, axis=1), np.int64)


def _divided(
    members: Indices, sizes: Indices, parts: Sequence[Segments | None]
) -> tuple[Indices, Indices, Indices, Indices]:
    """The variable, first element, length and first place of each segment; others are whole."""
    zero = np.zeros(1, np.int64)
    pairs = zip(sizes.tolist(), parts, strict=True)
    found = [part or Segments(zero, size) for size, part in pairs]
    counts = [len(one.places) for one in found]
    begins = [one.length * np.arange(len(one.places)) for one in found]
    lengths = np.repeat([one.length for one in found], counts)
    places = np.concatenate([one.places for one in found])
    return np.repeat(members, counts), np.concatenate(begins), lengths, places
