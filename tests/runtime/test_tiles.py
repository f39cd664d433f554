"""Tiles: each element is in one of them, and each of their results has a place of its own."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optgen.runtime import tiles
from optgen.runtime.cpu.storage import Formats
from optgen.runtime.tiles import Tiling, tiling
from optgen.runtime.view import View

#: Sizes at the borders of tiles, and small ones.
ROWS = st.one_of(st.integers(1, 9), st.sampled_from([63, 64, 65, 129, 200]))
COLUMNS = st.one_of(st.integers(1, 9), st.sampled_from([1023, 1024, 2047, 2048, 2049, 4097]))


@st.composite
def matrices(draw: st.DrawFn) -> list[tuple[int, View]]:
    """Some batches of matrices of a model, in which others may stand between them."""
    found, number = [], 0
    for _ in range(draw(st.integers(1, 3))):
        number += draw(st.integers(0, 2))
        view = View(draw(st.integers(1, 4)), draw(ROWS), draw(COLUMNS), 3)
        found.append((number, view))
        number += 1
    return found


def tiled(of: list[tuple[int, View]]) -> Tiling:
    return tiling(Formats(np.float32, ()), of, False)


@settings(max_examples=60, deadline=None)
@given(matrices())
def test_each_element_is_in_one_tile(of: list[tuple[int, View]]) -> None:
    found = tiled(of)
    for number, view in of:
        seen = np.zeros((view.matrices * view.rows, view.columns), np.int8)
        for tensor, first, count, left, width, *_ in found.tiles:
            assert min(count, width) > 0
            if tensor == number:
                assert first + count <= seen.shape[0]
                assert left + width <= seen.shape[1]
                seen[first : first + count, left : left + width] += 1
        assert seen.min() == seen.max() == 1
    assert found.elements == sum(view.matrices * view.rows * view.columns for _, view in of)


@settings(max_examples=60, deadline=None)
@given(matrices())
def test_results_of_tiles_have_places_of_their_own(of: list[tuple[int, View]]) -> None:
    """For each row of a tile, and for each column of each matrix in it."""
    found, views = tiled(of), dict(of)
    rows, columns = np.zeros(found.row_results, np.int8), np.zeros(found.column_results, np.int8)
    for tensor, first, count, _, width, row_place, column_place in found.tiles:
        rows[row_place : row_place + count] += 1
        touched = {line // views[tensor].rows for line in range(first, first + count)}
        columns[column_place : column_place + len(touched) * width] += 1
    assert (rows == 1).all()
    assert (columns == 1).all()


@settings(max_examples=60, deadline=None)
@given(matrices())
def test_tiles_are_small_and_of_one_matrix_or_of_whole_ones(of: list[tuple[int, View]]) -> None:
    found, views = tiled(of), dict(of)
    for tensor, first, count, _, width, *_ in found.tiles:
        height = views[tensor].rows
        is_whole = first % height == 0 and count % height == 0
        assert is_whole or first // height == (first + count - 1) // height
        most = 2 * max(tiles._ELEMENTS, tiles._ROWS * tiles._COLUMNS)
        assert count * width <= most


@given(matrices())
def test_tiles_of_a_variable_are_together_and_in_order(of: list[tuple[int, View]]) -> None:
    """Folds depend on it."""
    found = tiled(of).tiles[:, :4].tolist()
    assert found == sorted(found, key=lambda tile: (tile[0], tile[1], tile[3]))
