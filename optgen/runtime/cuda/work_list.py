"""The work list of a launch: chunks of variables, and the order of their sums."""

from __future__ import annotations

from typing import Any

import numpy as np

Indices = np.ndarray[Any, np.dtype[np.int64]]

#: Elements of a chunk: so many that a block's start counts little, so few that all blocks end
#: together; a multiple of what a block takes at once.
LEAST, MULTIPLE = 4096, 1024
#: Chunks that a launch has at most, but for the last one of each variable.
MOST_CHUNKS = 32 * 1024
#: Chunks whose sums one thread adds up.
RUN = 64


class Work:
    """Chunks of some variables of one dtype, and the runs of chunks that sums are made of."""

    def __init__(self, members: Indices, sizes: Indices, itemsize: int) -> None:
        """``members`` are the variables' numbers, ``sizes`` their elements."""
        self.members = np.ascontiguousarray(members, np.int64)
        chunk = _rounded(max(LEAST, -(-int(sizes.sum()) // MOST_CHUNKS)))
        counts = -(-sizes // chunk)
        first = np.cumsum(counts) - counts
        tensors = np.repeat(members, counts)
        within = np.arange(counts.sum()) - np.repeat(first, counts)
        lengths = np.minimum(chunk, np.repeat(sizes, counts) - within * chunk)
        #: A row for each chunk: variable, first byte, elements.
        self.chunks = _table(np.stack([tensors, within * chunk * itemsize, lengths], axis=1))
        run_counts = -(-counts // RUN)
        #: Where the chunks of each run begin, and where the runs of each member do.
        starts = [np.arange(f, f + count, RUN) for f, count in zip(first, counts, strict=True)]
        self.runs = _table(np.concatenate([*starts, [counts.sum()]]))
        self.begins = _table(np.concatenate([[0], np.cumsum(run_counts)]))

    @property
    def count(self) -> int:
        """The number of chunks."""
        return len(self.chunks)


def _rounded(elements: int) -> int:
    return -(-elements // MULTIPLE) * MULTIPLE


def _table(values: Any) -> Indices:
    return np.ascontiguousarray(values, np.int64)
