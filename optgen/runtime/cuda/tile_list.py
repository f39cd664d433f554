"""The work list of a launch over matrices: strips of rows, and tiles of several strips.

Threads share a block in groups: ``across`` threads cover the columns of a strip, 16 bytes each.
A tile has a strip for each group. Strips depend on shapes only, and not on the grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from optgen.runtime.chunks import Indices
from optgen.runtime.cuda.work_list import Runs, table
from optgen.runtime.view import View

#: Rows of a strip: partial sums of columns cost 8 bytes for each. With few elements there are
#: fewer rows, so that all multiprocessors have work.
FEWEST_ROWS, MOST_ROWS = 16, 64
#: The number of blocks that many elements are split into, at least.
_BLOCKS = 1024


@dataclass(frozen=True)
class Layers:
    """The partial results of a matrix for its rows or its columns.

    There are ``number`` layers of ``length`` results each, beginning at ``first``.
    """

    tensor: int
    first: int
    length: int
    number: int


class Tiles:
    """Strips and tiles of some matrices of one dtype and manner of layout."""

    def __init__(
        self, members: Sequence[int], views: Sequence[View], lanes: int, threads: int
    ) -> None:
        """``members`` are the indices of the variables."""
        self.members = table(np.array(members, np.int64))
        self._lanes, self._threads = lanes, threads
        elements = sum(view.shape[0] for view in views)
        spread = elements // (_BLOCKS * lanes * threads)
        self._rows = min(max(FEWEST_ROWS, spread), MOST_ROWS)
        #: The number of partial results for rows and for columns, and their layers.
        self.row_results = self.column_results = 0
        self.rows: list[Layers] = []
        self.columns: list[Layers] = []
        strips, tiles, counts = [], [], []
        begin = 0
        for tensor, view in zip(members, views, strict=True):
            count = 0
            for some, across in self._strips_of(int(tensor), view):
                made = self._tiles_of(some, across, begin)
                strips.append(some)
                tiles.append(made)
                begin, count = begin + len(some), count + len(made)
            counts.append(count)
        #: Variable, first line, number of lines, first column, number of columns, and places of
        #: the results for rows and columns.
        self.strips = table(np.concatenate(strips))
        #: First strip, number of strips, threads across, and the most lines of a strip.
        self.tiles = table(np.concatenate(tiles))
        self.runs = Runs(np.array(counts, np.int64))

    @property
    def count(self) -> int:
        """The number of tiles."""
        return len(self.tiles)

    def _strips_of(self, tensor: int, view: View) -> Iterator[tuple[Indices, int]]:
        """The strips of a matrix that have the same columns, with the threads across them."""
        _, rows, columns, _, matrices, row_count, column_count = view.shape
        begins = np.arange(0, rows, self._rows)
        widest = self._lanes * self._threads
        lefts = range(0, columns, widest)
        matrix, layer = (x.reshape(-1) for x in np.indices((matrices, len(begins))))
        first = matrix * rows + begins[layer]
        count = np.minimum(self._rows, rows - begins[layer])
        for part, left in enumerate(lefts):
            width = min(widest, columns - left)
            row_place = self.row_results + part * row_count + first
            column_place = self.column_results + layer * column_count + matrix * columns + left
            each = (np.full_like(first, value) for value in (tensor, left, width))
            number, start, wide = each
            strips = [number, first, count, start, wide, row_place, column_place]
            yield np.stack(strips, axis=1), _power_of_two(-(-width // self._lanes))
        self.rows.append(Layers(tensor, self.row_results, row_count, len(lefts)))
        self.columns.append(Layers(tensor, self.column_results, column_count, len(begins)))
        self.row_results += len(lefts) * row_count
        self.column_results += len(begins) * column_count

    def _tiles_of(self, strips: Indices, across: int, begin: int) -> Indices:
        groups = self._threads // across
        first = np.arange(0, len(strips), groups)
        held = np.minimum(groups, len(strips) - first)
        steps = np.maximum.reduceat(strips[:, 2], first)
        return np.stack([begin + first, held, np.full_like(first, across), steps], axis=1)


def _power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()
