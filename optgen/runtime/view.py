"""Views of variables as matrices: which elements are a row, and which a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from optgen.runtime.matrix_calls import form_of

Places = np.ndarray[Any, np.dtype[np.int64]]
#: The first of some numbers that follow each other, and how many there are.
Stretch = tuple[int, int]
#: The columns of the table of shapes: elements, rows and columns of one matrix, dimensions,
#: matrices, and the lengths of vectors of rows and of columns.
SIZE, ROWS, COLUMNS, DIMS, MATRICES, ROW_COUNT, COLUMN_COUNT = range(7)
#: Their names in generated code.
NAMES = (
    *("tensor_size", "tensor_rows", "tensor_columns", "tensor_dims", "matrices"),
    *("row_count", "column_count"),
)
#: The columns with the lengths of vectors, by what they have one number for.
VECTOR_LENGTHS = {"matrix": MATRICES, "rows": ROW_COUNT, "columns": COLUMN_COUNT}


@dataclass(frozen=True)
class View:
    """A variable as a batch of matrices of one shape.

    An element is at the sum of the places of its row, among those of all matrices, and of its
    column; places count elements. Where they are None, rows follow each other in memory.
    """

    matrices: int
    rows: int
    columns: int
    dims: int
    row_places: Places | None = None
    column_places: Places | None = None
    #: The places that rows and columns of a part have in the whole variable.
    whole_rows: Places | None = None
    whole_columns: Places | None = None
    #: The stretches of rows and of columns that are here, each with the first one and their
    #: number; None where all are.
    lines: tuple[Stretch, ...] | None = None
    across: tuple[Stretch, ...] | None = None
    #: The most that a side of a rank may have.
    rank: int = 0

    def form(self, shape: str) -> tuple[int, int]:
        """The rows and columns of a matrix of a shape."""
        return form_of(shape, self.rows, self.columns, self.rank)

    @property
    def shape(self) -> tuple[int, ...]:
        """A row of the table of shapes."""
        whole = self.matrices * self.rows * self.columns
        lengths = self.matrices * self.rows, self.matrices * self.columns
        return (whole, self.rows, self.columns, self.dims, self.matrices, *lengths)

    def length(self, shape: str) -> tuple[int, ...]:
        """The shape of a state with one number for each of these."""
        return (self.shape[VECTOR_LENGTHS[shape]],) if shape in VECTOR_LENGTHS else ()


def state_form(view: View, shape: str) -> tuple[int, ...]:
    """The shape of a state that is another matrix for each matrix."""
    batch = () if view.matrices == 1 else (view.matrices,)
    return *batch, *view.form(shape)


def plain_view(shape: Sequence[int]) -> View:
    """The view of a variable that is no matrix: one column."""
    return View(1, prod(shape), 1, len(shape))


def view_of(view: str, shape: Sequence[int], strides: Sequence[int], parts: int = 1) -> View:
    """The view of a variable of at least two dimensions; ``strides`` count elements.

    The variable is a stack of so many ``parts`` along its first dimension.
    """
    dims = len(shape)
    if parts > 1:
        length = shape[0] // parts
        found = axes_of(view, (length, *shape[1:]))
        shape, strides = (parts, length, *shape[1:]), (length * strides[0], *strides)
        batch, rows, columns = ([axis + 1 for axis in axes] for axes in found)
        batch = [0, *batch]
    else:
        batch, rows, columns = axes_of(view, shape)
    counts = [prod(shape[axis] for axis in axes) for axes in (batch, rows, columns)]
    places = [_places(shape, strides, axes) for axes in (batch, rows, columns)]
    row_places = (places[0][:, None] + places[1][None, :]).reshape(-1)
    return view_at(counts[0], counts[1], counts[2], dims, row_places, places[2])


def view_at(
    matrices: int, rows: int, columns: int, dims: int, row_places: Places, column_places: Places
) -> View:
    """The view with these places."""
    follows = np.array_equal(column_places, np.arange(columns)) and np.array_equal(
        row_places, columns * np.arange(len(row_places))
    )
    if follows:
        return View(matrices, rows, columns, dims)
    return View(matrices, rows, columns, dims, row_places, column_places)


def whole_places(view: View) -> tuple[Places, Places]:
    """The places of all rows, and of columns."""
    if view.row_places is not None and view.column_places is not None:
        return view.row_places, view.column_places
    rows = view.columns * np.arange(view.matrices * view.rows, dtype=np.int64)
    return rows, np.arange(view.columns, dtype=np.int64)


def view_of_part(
    view: str,
    shape: Sequence[int],
    part: Sequence[Stretch],
    whole: Sequence[int],
    strides: Sequence[int],
) -> View:
    """The view of a variable of which a ``part`` is here: a stretch of each dimension.

    Rows and columns are those of the whole variable, whose strides are ``whole``; only the places
    of those here count.
    """
    batch, rows, columns = axes_of(view, shape)
    counts = [prod(shape[axis] for axis in axes) for axes in (batch, rows, columns)]
    row_places, lines = _places_here(shape, part, strides, [*batch, *rows])
    column_places, across = _places_here(shape, part, strides, columns)
    whole_rows, whole_columns = (_places(shape, whole, axes) for axes in ([*batch, *rows], columns))
    own = row_places, column_places, whole_rows, whole_columns, lines, across
    return View(counts[0], counts[1], counts[2], len(shape), *own)


def _places_here(
    shape: Sequence[int], part: Sequence[Stretch], strides: Sequence[int], axes: Sequence[int]
) -> tuple[Places, tuple[Stretch, ...]]:
    """The places of the elements along some axes, and the stretches of those that are here."""
    places, are_here = np.zeros(1, np.int64), np.ones(1, np.bool_)
    for axis in axes:
        first, count = part[axis]
        index = np.arange(shape[axis], dtype=np.int64) - first
        is_here = (index >= 0) & (index < count)
        steps = strides[axis] * np.where(is_here, index, 0)
        places = (places[:, None] + steps[None, :]).reshape(-1)
        are_here = (are_here[:, None] & is_here[None, :]).reshape(-1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], are_here.astype(np.int8), [0]])))
    pairs = edges.reshape(-1, 2).tolist()
    return places, tuple((first, end - first) for first, end in pairs)


def steps_of(view: View) -> tuple[int, int, int] | None:
    """The steps from matrix to matrix, row to row and column to column in a variable's memory.

    None where they are uneven, as those of columns that are several axes in another order.
    """
    assert view.row_places is not None
    assert view.column_places is not None
    grid = view.row_places.reshape(view.matrices, view.rows)
    places = grid[:, 0], grid[0], view.column_places
    matrix, row, column = (int(one[1] - one[0]) if len(one) > 1 else 0 for one in places)
    steps = matrix, row, column
    even = (one[0] + step * np.arange(len(one)) for one, step in zip(places, steps, strict=True))
    return steps if all(map(np.array_equal, places, even)) else None


def strided_form(view: View) -> tuple[tuple[int, ...], tuple[int, int, int]]:
    """The shape of a batch of matrices, and its strides in elements.

    Raises ValueError where steps are uneven.
    """
    steps = steps_of(view)
    if steps is None:
        raise ValueError("its layout in memory has no strides as matrices")
    return (view.matrices, view.rows, view.columns), steps


def as_matrices(flat: np.ndarray[Any, np.dtype[Any]], view: View) -> Any:
    """Elements in the order of a variable's memory as a batch of matrices, in the same memory.

    Raises ValueError where steps are uneven.
    """
    shape, steps = strided_form(view)
    return np.lib.stride_tricks.as_strided(flat, shape, [step * flat.itemsize for step in steps])


def element_places(view: View) -> Places:
    """Where in a variable's memory each element of its matrices is."""
    assert view.row_places is not None
    assert view.column_places is not None
    places = view.row_places[:, None] + view.column_places
    return places.reshape(view.matrices, view.rows, view.columns)


def axes_of(view: str, shape: Sequence[int]) -> tuple[list[int], list[int], list[int]]:
    """The axes of the batch, of rows and of columns."""
    every = list(range(len(shape)))
    if view == "first by rest":
        return [], every[:1], every[1:]
    if view == "last two":
        return every[:-2], every[-2:-1], every[-1:]
    second, largest = sorted(every, key=lambda axis: (shape[axis], axis))[-2:]
    return [axis for axis in every if axis not in (second, largest)], [second], [largest]


def _places(shape: Sequence[int], strides: Sequence[int], axes: Sequence[int]) -> Places:
    """The places of the elements along some axes, the last one fastest."""
    places = np.zeros(1, np.int64)
    for axis in axes:
        steps = strides[axis] * np.arange(shape[axis], dtype=np.int64)
        places = (places[:, None] + steps[None, :]).reshape(-1)
    return places
