"""Matrices as batches of blocks, beside NumPy's slices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import optgen
from optgen.compiler.ir.language import VIEWS
from optgen.runtime.matrix_blocks import block_length, in_blocks
from optgen.runtime.view import element_places, view_of, whole_places
from tests.runtime.test_view import Array, as_batch, variables

SHAMPOO = optgen.compile("shampoo")


def has_parts(side: int, most: int) -> bool:
    return any(side % length == 0 for length in range((most + 1) // 2, most + 1))


@given(st.integers(1, 3000), st.integers(1, 500))
def test_a_side_has_as_few_equal_parts_as_it_can(length: int, most: int) -> None:
    parts = [n for n in range(1, most + 1) if length % n == 0]
    if length <= most:
        assert block_length(length, most) == length
    elif 2 * max(parts) >= most:
        assert block_length(length, most) == max(parts)
    else:
        with pytest.raises(ValueError, match=f"a side of {length} has no equal parts of"):
            block_length(length, most)


@given(variables(), st.sampled_from(VIEWS), st.integers(1, 4))
def test_blocks_are_slices(array: Array, view: str, most: int) -> None:
    assume(array.size)
    strides = [stride // array.itemsize for stride in array.strides]
    batch = as_batch(view, array)
    whole = view_of(view, array.shape, strides)
    assume(all(side <= most or has_parts(side, most) for side in (whole.rows, whole.columns)))
    try:
        found = in_blocks(whole, most)
    except ValueError:
        # Columns of several dimensions, in another order or with gaps.
        assert array.ndim > 2
        return
    rows, columns = found.rows, found.columns
    assert max(rows, columns) <= most
    slices = [
        matrix[first : first + rows, left : left + columns]
        for matrix in batch
        for first in range(0, batch.shape[1], rows)
        for left in range(0, batch.shape[2], columns)
    ]
    assert (found.matrices, found.dims) == (len(slices), array.ndim)
    if found.row_places is None:
        assert np.stack(slices).reshape(-1).tolist() == list(range(array.size))
    else:
        np.testing.assert_array_equal(element_places(found), np.stack(slices))
    of_rows, of_columns = whole_places(found)
    np.testing.assert_array_equal(
        of_rows[:, None] + of_columns, np.concatenate([*slices]).reshape(-1, columns)
    )


def test_a_side_without_equal_parts_is_an_error_at_first() -> None:
    optimizer = SHAMPOO(block_size=4)
    with pytest.raises(ValueError, match="a side of 7 has no equal parts of 2 to 4"):
        optimizer.build([np.zeros((8, 7))])
    # As it says, another length for it helps, and so does leaving it out.
    named = {"body": np.zeros((8, 4)), "odd": np.zeros((8, 7))}
    optimizer = SHAMPOO(block_size=4, options={"odd": {"block_size": 7}})
    optimizer.build(named)
    assert optimizer.state["body"]["left_product"].shape == (2, 4, 4)
    assert optimizer.state["odd"]["left_product"].shape == (2, 4, 4)
    assert optimizer.state["odd"]["right_product"].shape == (2, 7, 7)
    optimizer = SHAMPOO(block_size=4)
    optimizer.exclude_from_matrix(var_names=["odd"])
    optimizer.build(named)
    assert "left_product" not in optimizer.state["odd"]


def test_their_length_is_fixed() -> None:
    optimizer = SHAMPOO(block_size=4)
    optimizer.build([np.zeros((8, 4))])
    with pytest.raises(ValueError, match="another block, and states have one that is fixed"):
        optimizer.block_size = 2
    with pytest.raises(TypeError, match="block_size is a block, which can't change"):
        SHAMPOO(block_size=lambda: 4)


def test_routing_shows_blocks() -> None:
    optimizer = SHAMPOO(block_size=4)
    optimizer.build({"body": np.zeros((8, 12)), "bias": np.zeros(3)})
    assert "6 of 4 x 4" in str(optimizer.routing())


@pytest.mark.usefixtures("python_kernels")
@pytest.mark.parametrize("order", ["C", "F"])
def test_other_layouts(order: Any) -> None:
    draw = np.random.default_rng(0)
    first = draw.normal(size=(8, 12))
    plain, other = first.copy(), np.array(first, order=order)
    one, two = SHAMPOO(block_size=4), SHAMPOO(block_size=4)
    for _ in range(4):
        gradient = draw.normal(size=first.shape)
        one.apply([gradient], [plain])
        two.apply([gradient], [other])
    np.testing.assert_allclose(plain, other, rtol=1e-12)
