"""Views of variables as matrices, beside NumPy's own transposition and reshaping."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from optgen.compiler.ir.language import VIEWS
from optgen.runtime.view import plain_view, view_of

Array = np.ndarray[Any, np.dtype[np.int64]]


@st.composite
def variables(draw: st.DrawFn) -> Array:
    """Arrays whose elements are their places in memory, with gaps, in any order of axes."""
    shape = draw(st.lists(st.integers(0, 5), min_size=2, max_size=4))
    order = draw(st.permutations(range(len(shape))))
    strides, step = [0] * len(shape), draw(st.integers(1, 2))
    for axis in order:
        strides[axis] = step
        step *= max(1, shape[axis]) + draw(st.integers(0, 1))
    memory = np.arange(step + 1)
    byte_strides = [memory.itemsize * stride for stride in strides]
    return np.lib.stride_tricks.as_strided(memory, shape, byte_strides)


def as_batch(view: str, array: Array) -> Array:
    """The batch of matrices, by NumPy."""
    if view == "first by rest":
        return array.reshape(1, len(array), math.prod(array.shape[1:]))
    if view == "two largest":
        largest = np.lexsort((np.arange(array.ndim), array.shape))[-2:]
        array = np.moveaxis(array, largest, (-2, -1))
    return array.reshape(math.prod(array.shape[:-2]), *array.shape[-2:])


@given(variables(), st.sampled_from(VIEWS))
def test_rows_and_columns_are_those_of_numpy(array: Array, view: str) -> None:
    strides = [stride // array.itemsize for stride in array.strides]
    found, expected = view_of(view, array.shape, strides), as_batch(view, array)
    assert (found.matrices, found.rows, found.columns) == expected.shape
    assert found.dims == array.ndim
    flat = expected.reshape(found.matrices * found.rows, found.columns)
    if found.row_places is None:
        # Rows follow each other.
        assert flat.reshape(-1).tolist() == list(range(array.size))
        return
    assert found.column_places is not None
    places = found.row_places[:, None] + found.column_places[None, :]
    np.testing.assert_array_equal(places, flat)


@given(variables(), st.sampled_from(VIEWS))
def test_vectors_have_a_number_for_each_row_column_and_matrix(array: Array, view: str) -> None:
    strides = [stride // array.itemsize for stride in array.strides]
    found, (matrices, rows, columns) = (
        view_of(view, array.shape, strides),
        as_batch(view, array).shape,
    )
    assert found.length("rows") == (matrices * rows,)
    assert found.length("columns") == (matrices * columns,)
    assert found.length("matrix") == (matrices,)
    assert found.length("tensor") == ()
    assert found.shape[0] == array.size


@given(st.lists(st.integers(0, 5), max_size=4))
def test_what_is_no_matrix_has_one_column(shape: list[int]) -> None:
    found = plain_view(shape)
    assert (found.matrices, found.rows, found.columns) == (1, math.prod(shape), 1)
    assert found.dims == len(shape)
