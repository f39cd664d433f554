"""Matrices with a side of a rank: which products fit, and what is said of those that don't."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optgen.compiler.ir.extent import ARRAYS, Extent
from optgen.compiler.ir.matrix import Sides, extent_of, product, sides
from optgen.runtime.matrix_calls import form_of, is_by_length
from tests.compiler.mistakes import assert_told, problems

RANK = 2
#: Rows and columns of a tall matrix and of a wide one.
FORMS = ((5, 3), (3, 5))
MATRICES = st.tuples(st.sampled_from(ARRAYS), st.booleans())
Operand = tuple[Extent, bool]


def sides_of(operand: Operand) -> Sides:
    extent, is_transposed = operand
    found = sides(extent)
    assert found is not None
    return found[::-1] if is_transposed else found


def array(operand: Operand, form: tuple[int, int], *, by_length: bool) -> np.ndarray:
    """A matrix of a shape; the variable's own is rows by columns, or short by long."""
    extent, is_transposed = operand
    shape = form_of(extent.name.lower(), *form, RANK)
    if by_length and extent is Extent.ELEMENT:
        shape = min(shape), max(shape)
    return np.ones(shape[::-1] if is_transposed else shape)


def multiplied(left: Operand, right: Operand, *, by_length: bool) -> list[tuple[int, ...]] | None:
    """The shapes of NumPy's products for each form; None where any is none."""
    try:
        return [
            (array(left, form, by_length=by_length) @ array(right, form, by_length=by_length)).shape
            for form in FORMS
        ]
    except ValueError:
        return None


@given(MATRICES, MATRICES)
def test_products_fit_where_numpys_do(left: Operand, right: Operand) -> None:
    """A product has a type exactly if shapes fit for tall and for wide matrices alike."""
    found = product(sides_of(left), sides_of(right))
    shapes = [multiplied(left, right, by_length=one) for one in (False, True)]
    assert (found is not None) == any(one is not None for one in shapes)


@given(MATRICES, MATRICES)
def test_products_have_numpys_shapes(left: Operand, right: Operand) -> None:
    found = product(sides_of(left), sides_of(right))
    extent = extent_of(found)
    if found is None or extent is None:
        return
    operands = left[0], right[0], extent
    by_length = any(is_by_length(one.name.lower()) for one in operands)
    wanted = [array((extent, False), form, by_length=by_length).shape for form in FORMS]
    assert multiplied(left, right, by_length=by_length) == wanted


BASE = '''name = "Example"
summary = "An example."

[matrix]
view = "first by rest"
rank = "rank"

[hyperparameters]
learning_rate = { default = 0.001 }
rank = { default = 4, integer = true, range = "rank >= 1" }
real = { default = 4.0, range = "real >= 1" }

[state]
left  = { shape = "rows by rank", when = "matrix" }
right = { shape = "columns by rank", when = "matrix" }
core  = { shape = "rank by rank", when = "matrix" }

[update]
rule = """
if matrix:
    left = grad @ right
    right = transpose(grad) @ left
    core = transpose(left) @ left
    change = real*(left @ transpose(right)) + norm(core)*learning_rate
else:
    change = learning_rate*grad
"""
'''


def test_the_example_is_right(tmp_path: Path) -> None:
    assert not problems(tmp_path, BASE)


@pytest.mark.parametrize(
    ("old", "new", "message", "under"),
    [
        ("transpose(grad) @ left", "grad @ left", "rows by columns @ rows by rank", "grad @ left"),
        ("left @ transpose(right)", "left @ right", "can't be multiplied", "left @ right"),
        (
            "left @ transpose(right)",
            "left*grad",
            "numbers for rows by rank",
            "grad",
        ),
        (
            "left = grad @ right",
            "left = transpose(grad) @ left",
            "'left' has numbers for rows by rank",
            "tran",
        ),
        ("transpose(left) @ left", "orthonormal(transpose(left))", "is of a square", "transpose"),
        ("grad @ right", "singular_vectors(grad, real)", "second argument", "real"),
        ("grad @ right", "singular_vectors(real, rank)", "is of a matrix", "real"),
        (
            "transpose(left) @ left",
            "singular_vectors(transpose(left) @ left, rank)",
            "no more singular vectors than its rank",
            "transpose(left) @ left",
        ),
        ("norm(core)", "row_mean(core)", "is of elements", "row_mean"),
        ('rank = "rank"', "", "and no hyperparameter is one", "left"),
        ('rank = "rank"', 'rank = "real"', "no hyperparameter of whole numbers", "real"),
        ('rank = "rank"', 'block = "real"\nrank = "rank"', "the block 'real' is no hyper", "real"),
        ('rank = "rank"', 'block = "rank"\nrank = "rank"', "the block 'rank' is no hyper", "rank"),
        ('view = "first by rest"', "", "no matrices that 'rank' could bound sides of", "rank"),
        ('rank = "rank"', 'rank = "rang"', "no hyperparameter of whole numbers", "rang"),
        ("left  = {", "left  = { initial = 'param',", "can't begin as the parameter", "param"),
        (
            'rank by rank", when = "matrix"',
            'rank by rank"',
            "not every tensor is a matrix",
            "core",
        ),
        ("rank by rank", "rank by rung", "no shape of a state", "rank by rung"),
    ],
)
def test_a_mistake(tmp_path: Path, old: str, new: str, message: str, under: str) -> None:
    assert old in BASE
    assert_told(tmp_path, BASE.replace(old, new), message, under)
