"""Folds: results of chunks and tiles become those of variables, rows and columns, in order.

``order`` is 0 for sums, 1 for the largest and -1 for the smallest of several results.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float64, njit

from optgen.runtime.cpu.functions import maximum, minimum
from optgen.runtime.cpu.pointers import view

Array = np.ndarray[Any, np.dtype[Any]]


@njit
def _folded(one: float, other: float, order: int) -> float:
    if order == 0:
        return one + other
    return float(maximum(one, other) if order > 0 else minimum(one, other))


@njit
def fold_numbers(chunks: Array, partial: Array, sums: Array, k: int, order: int) -> None:
    """Fold column ``k`` of the results of chunks or tiles; those of a variable are together."""
    for chunk in range(chunks.shape[0]):
        tensor = chunks[chunk, 0]
        if chunk == 0 or chunks[chunk - 1, 0] != tensor:
            sums[tensor, k] = partial[chunk, k]
        else:
            sums[tensor, k] = _folded(sums[tensor, k], partial[chunk, k], order)


@njit
def fold_rows(
    tiles: Array, addresses: Array, sizes: Array, column: int, results_at: int, order: int
) -> None:
    """Fold the results for the rows of tiles into a vector of each variable."""
    for tile in range(tiles.shape[0]):
        tensor, first, count, left = tiles[tile, 0], tiles[tile, 1], tiles[tile, 2], tiles[tile, 3]
        parts = view(results_at + 8 * tiles[tile, 5], count, float64)
        results = view(addresses[tensor, column], sizes[tensor, 5], float64)
        for k in range(count):
            if left == 0:
                results[first + k] = parts[k]
            else:
                results[first + k] = _folded(results[first + k], parts[k], order)


@njit
def fold_columns(
    tiles: Array, addresses: Array, sizes: Array, column: int, results_at: int, order: int
) -> None:
    """Fold the results for the columns of tiles into a vector of each variable."""
    for tile in range(tiles.shape[0]):
        tensor, first, count, left = tiles[tile, 0], tiles[tile, 1], tiles[tile, 2], tiles[tile, 3]
        width, place = tiles[tile, 4], results_at + 8 * tiles[tile, 6]
        height, stretch = sizes[tensor, 1], sizes[tensor, 2]
        results = view(addresses[tensor, column], sizes[tensor, 6], float64)
        matrix, last = first // height, (first + count - 1) // height
        # The first tile of a matrix begins in or at its first row.
        is_new = first % height == 0
        while matrix <= last:
            parts = view(place, width, float64)
            own = results[matrix * stretch + left : matrix * stretch + left + width]
            # To assign a slice takes Numba a second to compile, for the error of other shapes.
            for k in range(width):
                own[k] = parts[k] if is_new else _folded(own[k], parts[k], order)
            matrix, place, is_new = matrix + 1, place + 8 * width, True
