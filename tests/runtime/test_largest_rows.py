"""The largest rows of matrices: the same in every library, in order, the first of equal ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from keras import ops

import optgen
from optgen.runtime.cpu.decompositions import largest_rows
from optgen.runtime.cuda.matrix_libraries import by_torch
from optgen.runtime.matrix_calls import LARGEST_ROWS
from optgen.runtime.operations.matrix_calls import MatrixFunctions

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
Array = np.ndarray[Any, np.dtype[np.float64]]
RANK = 3
#: Two of the third matrix's rows are equal, and so are all of the fourth's; one isn't a number.
BATCH = np.random.default_rng(4).normal(size=(5, 6, 2))
BATCH[2, 4], BATCH[3], BATCH[4, 0, 0] = -BATCH[2, 1], 0.0, np.nan


def wanted() -> Array:
    """Which rows come first, by their sums alone."""
    found = np.zeros((5, 6, RANK))
    for matrix, columns in zip(BATCH, found, strict=True):
        sums = [sum(abs(value) for value in row) for row in matrix]
        places = sorted(range(6), key=lambda place: -sums[place])[:RANK]
        for column, place in enumerate(places):
            columns[place, column] = 1.0
    found[4] = np.nan
    return found


def by_numpy() -> Array:
    out = np.full((5, 6, RANK), 7.0)
    largest_rows(BATCH, out)
    return out


def on_a_device() -> Array:
    out = torch.full((5, 6, RANK), 7.0, dtype=torch.float64)
    by_torch(torch, "").functions.of_matrix[LARGEST_ROWS](torch.tensor(BATCH), out)
    return out.numpy()


def as_operations() -> Array:
    functions = MatrixFunctions(ops, "float64")
    found = functions._largest_rows(ops.convert_to_tensor(BATCH), RANK)
    return np.asarray(ops.convert_to_numpy(found))


@pytest.mark.parametrize("library", [by_numpy, on_a_device, as_operations])
def test_rows_are_in_the_order_of_their_sums(library: Callable[[], Array]) -> None:
    np.testing.assert_array_equal(library(), wanted())


@pytest.mark.parametrize("shape", [(6, 2), (3, 7)])
def test_they_take_part_in_products(shape: tuple[int, int]) -> None:
    """Of the shorter side: all others of Dion2's momentum are what they were."""
    variable = np.zeros(shape)
    gradient = np.random.default_rng(1).normal(size=shape)
    optimizer = optgen.compile("dion2", backend="numpy")(rank=1, momentum=0.5)
    optimizer.apply([gradient], [variable])
    short = 1 if shape[0] > shape[1] else 0
    largest = int(np.abs(gradient).sum(1 - short).argmax())
    moved = np.moveaxis(variable, short, 0)
    assert (moved[largest] != 0).all()
    assert not np.delete(moved, largest, axis=0).any()
    decays = np.where(np.arange(shape[short]) == largest, 0.5, 1.0)
    kept = np.moveaxis(np.asarray(optimizer.state["variable_0"]["velocity"]), short, 0)
    np.testing.assert_allclose(kept, decays[:, None] * np.moveaxis(gradient, short, 0), rtol=1e-12)
