"""Matrices in parts: what each process has, which one owns them, and what one exchange moves.

The engines of front ends and the plan of a cluster both follow these rules.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

from optgen.runtime.view import Stretch, axes_of

#: Bytes of the whole tensors of a bucket, if it has more than one.
BUCKET_BYTES = 64 * 1024 * 1024
Loads = np.ndarray[Any, np.dtype[Any]]


def stretch_of(count: int, ranks: int, rank: int) -> Stretch:
    """The first of the places that a process has, and their number; as torch.chunk divides."""
    size = -(-count // ranks)
    begin = min(count, size * rank)
    return begin, min(size, count - begin)


def work_of(shape: Sequence[int], view: str) -> int:
    """The operations of a product of a parameter's matrices with a square of the shorter side."""
    counts = [prod(shape[axis] for axis in axes) for axes in axes_of(view, shape)]
    return prod(counts) * min(counts[1:])


def owners_of(works: Sequence[int], holders: Sequence[int | None], loads: Loads) -> list[int]:
    """The owner of each of some matrices; adds their work to the ``loads`` of processes.

    It is the holder, if there is one. Others go to the process with the least work so far, the
    largest first.
    """
    found = [0] * len(works)
    largest_first = sorted(range(len(works)), key=lambda k: -works[k])
    for index in sorted(largest_first, key=lambda k: holders[k] is None):
        holder = holders[index]
        found[index] = owner = int(np.argmin(loads)) if holder is None else holder
        loads[owner] += works[index]
    return found


def buckets_of(
    kinds: Sequence[Hashable], sizes: Sequence[int], most: int = BUCKET_BYTES
) -> Iterator[list[int]]:
    """The indices of tensors that one exchange moves: of one kind, in order.

    Those of a bucket have at most so many bytes, unless it has one.
    """
    alike: dict[Hashable, list[int]] = {}
    for index, kind in enumerate(kinds):
        alike.setdefault(kind, []).append(index)
    for some in alike.values():
        bucket: list[int] = []
        size = 0
        for index in some:
            if bucket and size + sizes[index] > most:
                yield bucket
                bucket, size = [], 0
            bucket.append(index)
            size += sizes[index]
        yield bucket
