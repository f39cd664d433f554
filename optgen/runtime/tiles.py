"""Tiles: parts of matrices, of some rows and columns each, as the work of threads.

Tiles depend on shapes only, so results are the same bits for any number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optgen.runtime.codes import BLOCK
from optgen.runtime.cpu.storage import Formats
from optgen.runtime.view import View

Table = np.ndarray[Any, np.dtype[np.int64]]
#: Rows of a tile at least, where there are as many: sums of columns then cost little beside the
#: elements. Columns at least: whole rows, which follow each other in memory, if they aren't so
#: long that the sums of their columns don't fit the second cache.
_ROWS, _COLUMNS = 64, 8192
#: Elements of a tile, about.
_ELEMENTS = 65536
#: Tiles of a matrix of many rows, about: enough for some threads, and few results to fold.
_TILES = 32


@dataclass(frozen=True)
class Tiling:
    """The tiles of some matrices whose buffers have the same formats.

    A tile is a row of a table: variable, first row, number of rows, first column, number of
    columns, and where its results for rows and for columns begin.
    """

    formats: Formats
    elements: int
    tiles: Table
    #: Results for rows and for columns of all tiles together.
    row_results: int
    column_results: int
    is_scattered: bool


def tiling(formats: Formats, matrices: Sequence[tuple[int, View]], is_scattered: bool) -> Tiling:
    """The tiles of variables, each with its number and its view."""
    tiles, row_place, column_place = [], 0, 0
    for tensor, view in matrices:
        for first, count, left, width in _tiles_of(view):
            tiles.append((tensor, first, count, left, width, row_place, column_place))
            row_place += count
            matrices_in_it = (first + count - 1) // view.rows - first // view.rows + 1
            column_place += matrices_in_it * width
    elements = sum(view.shape[0] for _, view in matrices)
    table = np.array(tiles, np.int64)
    return Tiling(formats, elements, table, row_place, column_place, is_scattered)


def _tiles_of(view: View) -> Iterator[tuple[int, int, int, int]]:
    """First row, number of rows, first column and number of columns of each tile."""
    width = max(_COLUMNS, _ELEMENTS // view.rows // BLOCK * BLOCK)
    width = min(view.columns, width)
    height = max(_ROWS, _ELEMENTS // view.columns, -(-view.rows // _TILES))
    every = view.matrices * view.rows
    if view.lines is not None:
        yield from _tiles_of_part(view, height, width)
        return
    if height >= view.rows:
        # Whole matrices, so that a tile has all results of their columns.
        height, stretch = height // view.rows * view.rows, every
    else:
        stretch = view.rows
    for begin in range(0, every, stretch):
        for first in range(begin, begin + stretch, height):
            count = min(height, begin + stretch - first)
            for left in range(0, view.columns, width):
                yield first, count, left, min(width, view.columns - left)


def _tiles_of_part(view: View, height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    """The tiles of the rows and columns that are here."""
    for begin, rows in view.lines or ():
        for first in range(begin, begin + rows, height):
            count = min(height, begin + rows - first)
            for start, columns in view.across or ():
                for left in range(start, start + columns, width):
                    yield first, count, left, min(width, start + columns - left)
