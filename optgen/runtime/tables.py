"""The tables of kernels: addresses, rows of hyperparameters, and chunks of work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from optgen.runtime.arrays import Array, Gradient, Gradients, address
from optgen.runtime.chunks import Chunks, Segments
from optgen.runtime.cpu.storage import ROUNDING, SEED, STEP, Formats, formats_of, has_codes
from optgen.runtime.matrix_calls import ELEMENT
from optgen.runtime.tiles import Tiling, tiling
from optgen.runtime.view import View

#: Elements of a chunk at least: the unit of work of a thread and of a sum, whatever their number.
CHUNK = 8192
#: Chunks of large models are larger, so that tables of them stay small: about so many at most.
_MOST_CHUNKS = 8192
_MOST_CHUNK_TABLES = 16


#: The columns behind those of buffers: places of rows and of columns in scattered matrices, in
#: the whole variable and in memory.
_PLACES = ("whole rows", "whole columns", "row places", "column places")


class Tables:
    """Tables for a fixed list of variables and their states."""

    def __init__(
        self,
        variables: Sequence[Array],
        buffers: Sequence[str],
        states: Mapping[str, Sequence[Array | None]],
        rows: Sequence[int],
        views: Sequence[View],
        seed: int = 0,
        *,
        is_drawn: bool = False,
    ) -> None:
        """Noise comes from the ``seed``: of codes, and of half precision where it ``is_drawn``."""
        self.shapes = np.array([view.shape for view in views], np.int64).reshape(-1, 7)
        #: The numbers of elements that are here, of variables that may be parts of larger ones.
        self.sizes = np.array([variable.size for variable in variables], np.int64)
        self.rows = np.array(rows, np.int64)
        self._gradient = buffers.index("grad")
        columns: dict[str, Sequence[Array | None]] = {"param": variables, **states}
        columns |= _scattered(views)
        names = [*buffers, *ROUNDING, *_PLACES]
        self.addresses = np.zeros((len(variables), len(names)), np.int64)
        for name, arrays in columns.items():
            for index, array in enumerate(arrays):
                if array is not None:
                    self.addresses[index, names.index(name)] = address(array)
        self.addresses[:, SEED] = seed
        remainders = states.get(ROUNDING[0], [None] * len(variables))
        #: The variables whose buffers have the same formats, which share launches.
        alike: dict[Formats, list[int]] = {}
        for index, variable in enumerate(variables):
            own = [columns[name][index] if name in columns else None for name in buffers]
            dtypes = [None if array is None else array.dtype for array in own]
            rest = remainders[index]
            further = 0 if rest is None else 8 * rest.itemsize
            formats = formats_of(variable.dtype, dtypes, further, is_drawn=is_drawn)
            alike.setdefault(formats, []).append(index)
        self._alike = {formats: np.array(some, np.int64) for formats, some in alike.items()}
        self._has_noise = is_drawn or any(map(has_codes, alike))
        #: The arrays whose addresses the table holds.
        self._kept = columns
        self._chunk = CHUNK * max(1, -(-int(self.sizes.sum()) // (CHUNK * _MOST_CHUNKS)))
        self._chunks: dict[bytes, list[tuple[Formats, int, Array]]] = {}
        self._tiles: dict[bytes, list[Tiling]] = {}
        self._views = views
        #: The segments of variables that are parts of larger ones, where their places count.
        self.segments: Sequence[Segments | None] = ()
        #: The variables whose squares another process has.
        self.away: np.ndarray[Any, np.dtype[np.bool_]] = np.zeros(len(variables), np.bool_)

    def point_at(self, arrays: Sequence[Gradient | None], column: int | None = None) -> None:
        """Enter the addresses of the gradients, or of another input, of this call."""
        column = self._gradient if column is None else column
        if isinstance(arrays, Gradients):
            self.addresses[:, column] = arrays.addresses
        elif arrays:
            found = [0 if array is None else array.address for array in arrays]
            self.addresses[:, column] = found

    def count(self, call: int) -> None:
        """Enter the number of a call, on which noise depends."""
        if self._has_noise:
            self.addresses[:, STEP] = call

    def arrays(self, name: str) -> Sequence[Array | None]:
        """The arrays of a buffer, by variable."""
        return self._kept[name]

    def work(
        self, chosen: np.ndarray[Any, np.dtype[np.bool_]], over: str = ELEMENT
    ) -> list[tuple[Formats, int, Array]]:
        """The chosen ones by formats: these, the number of elements, and the chunks.

        A chunk has a variable, its first element, their number, and the place of the first.
        ``over`` is the shape of the matrices that the elements are of.
        """
        key = chosen.tobytes() + over.encode()
        found = self._chunks.get(key)
        if found is None:
            if len(self._chunks) >= _MOST_CHUNK_TABLES:
                self._chunks.clear()
            found = self._chunks[key] = self._split(chosen, self._sizes_of(over))
        return found

    def tiles(self, chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> list[Tiling]:
        """For all formats and each manner of layout, the tiles of the chosen matrices."""
        key = chosen.tobytes()
        found = self._tiles.get(key)
        if found is None:
            if len(self._tiles) >= _MOST_CHUNK_TABLES:
                self._tiles.clear()
            found = self._tiles[key] = list(self._tile(chosen))
        return found

    def _tile(self, chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> Iterator[Tiling]:
        for formats, members in self._alike.items():
            for is_scattered in (False, True):
                matrices = [
                    (index, self._views[index])
                    for index in members[chosen[members] & (self.sizes[members] > 0)].tolist()
                    if (self._views[index].row_places is not None) == is_scattered
                ]
                if matrices:
                    own = formats.scattered() if is_scattered else formats
                    yield tiling(own, matrices, is_scattered)

    def _sizes_of(self, over: str) -> Array:
        """The numbers of elements that matrices of a shape have, by variable."""
        if over == ELEMENT:
            return self.sizes
        pairs = ((view.form(over), view) for view in self._views)
        sizes = [rows * columns * v.matrices for (rows, columns), v in pairs]
        return np.where(self.away, 0, np.array(sizes, np.int64))

    def _split(
        self, chosen: np.ndarray[Any, np.dtype[np.bool_]], every: Array
    ) -> list[tuple[Formats, int, Array]]:
        work = []
        for formats, members in self._alike.items():
            indices = members[chosen[members] & (every[members] > 0)]
            if not indices.size:
                continue
            sizes = every[indices]
            chunks = Chunks(indices, sizes, self._chunk, self.segments)
            work.append((formats, int(sizes.sum()), chunks.table()))
        return work


def _scattered(views: Sequence[View]) -> dict[str, list[Array | None]]:
    """The places of the rows and columns of each variable that needs them."""
    rows, columns = ([view.row_places for view in views], [view.column_places for view in views])
    # Those of a variable that is no part are the same in the whole.
    whole = [v.row_places if v.whole_rows is None else v.whole_rows for v in views]
    across = [v.column_places if v.whole_columns is None else v.whole_columns for v in views]
    return dict(zip(_PLACES, (whole, across, rows, columns), strict=True))
