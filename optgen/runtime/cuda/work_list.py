"""The work list of a launch: chunks of variables, and the order of their sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optgen.runtime.chunks import Chunks, Indices, Segments

#: Elements of a chunk: enough to amortize the start of a block, and few enough that all blocks end
#: at about the same time; a multiple of the elements that a block processes at once.
LEAST, MULTIPLE = 4096, 1024
#: The maximum number of chunks of a launch, except for the last one of each variable.
MOST_CHUNKS = 32 * 1024
#: The number of chunks whose sums one thread adds up.
RUN = 64


class Runs:
    """Runs of the units of work of each variable, whose results are added up by one thread."""

    def __init__(self, counts: Indices) -> None:
        """``counts`` are the numbers of units."""
        first = np.cumsum(counts) - counts
        #: The first unit of each run, and the first run of each variable.
        starts = [np.arange(f, f + count, RUN) for f, count in zip(first, counts, strict=True)]
        self.units = table(np.concatenate([*starts, [counts.sum()]]))
        self.begins = table(np.concatenate([[0], np.cumsum(-(-counts // RUN))]))

    @property
    def count(self) -> int:
        """The number of runs."""
        return len(self.units) - 1


class Work:
    """Chunks of some variables, and the runs of chunks that form the sums."""

    def __init__(
        self,
        members: Indices,
        sizes: Indices,
        segments: Sequence[Segments | None] = (),
    ) -> None:
        """``members`` are the indices of the variables, ``sizes`` their numbers of elements."""
        self.members = np.ascontiguousarray(members, np.int64)
        most = _rounded(max(LEAST, -(-int(sizes.sum()) // MOST_CHUNKS)))
        found = Chunks(self.members, sizes, most, segments)
        self.chunks = found.table()
        self.runs = Runs(np.unique(found.tensors, return_counts=True)[1])

    @property
    def count(self) -> int:
        """The number of chunks."""
        return len(self.chunks)


def _rounded(elements: int) -> int:
    return -(-elements // MULTIPLE) * MULTIPLE


def table(values: Any) -> Indices:
    """Values as a table that kernels read."""
    return np.ascontiguousarray(values, np.int64)
