"""Mistakes in products of matrices: what is said, with shapes in symbols, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compiler.mistakes import assert_told, problems

BASE = '''name = "Example"
summary = "An example."

[hyperparameters]
learning_rate = { default = 0.001 }
decay = { default = 0.9, range = "0 <= decay < 1" }
epsilon = { default = 1e-8, range = "epsilon > 0" }

[matrix]
view = "first by rest"

[state]
left = { shape = "rows by rows", when = "matrix" }
right = { shape = "columns by columns", when = "matrix" }

[update]
rule = """
if matrix:
    left = decay*left + grad @ transpose(grad)
    right = decay*right + transpose(grad) @ grad
    x = inverse_root(left, 4, epsilon) @ grad @ inverse_root(right, 4, epsilon)
    repeat 3:
        a = gram(x)
        x = 1.5*x - 0.5*a @ x
    change = learning_rate*x
else:
    change = learning_rate*grad
"""
'''

X = "x = inverse_root(left, 4, epsilon) @ grad @ inverse_root(right, 4, epsilon)"

#: By what is wrong: what to replace, with what, part of the message, and what the caret is under.
MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "inner sides": (X, "x = grad @ grad", "rows by columns @ rows by columns", "grad @ grad"),
    "a square on the wrong side": (
        X,
        "x = right @ grad",
        "columns by columns @ rows by columns can't be multiplied",
        "right @ grad",
    ),
    "the other square": (X, "x = grad @ left", "rows by columns @ rows by rows", "grad @ left"),
    "a shape that no value has": (
        X,
        "x = transpose(grad) @ left",
        "the product has columns by rows",
        "transpose(grad) @ left",
    ),
    "a transpose alone": (X, "x = transpose(grad)", "a part of a product", "transpose"),
    "a sum of shapes": (X, "x = grad + left", "elements of matrices of one shape", ""),
    "a sum of squares": (
        "decay*left +",
        "right + decay*left +",
        "each pair of columns",
        "decay*left",
    ),
    "a vector": (X, "x = row_mean(grad) @ grad", "is of matrices", "row_mean"),
    "a number": (X, "x = learning_rate @ grad", "is of matrices", "learning_rate"),
    "a root of no square": (X, "x = inverse_root(grad, 4, epsilon)", "is of a square", "grad"),
    "a root of no number": (X, "x = inverse_root(left, grad, 1) @ grad", "takes a number", "grad"),
    "few arguments": (X, "x = inverse_root(left) @ grad", "inverse_root", "inverse_root"),
    "eigenvectors of an element": (X, "x = eigenvectors(grad)", "is of a square", "grad"),
    "a gram of a square": ("a = gram(x)", "a = gram(left)", "is of a matrix of elements", "gram"),
    "rows of a square": (X, "x = grad*row_mean(left)", "row_mean is of elements", "row_mean"),
    "every tensor": (
        "    change = learning_rate*grad\n",
        "    change = learning_rate*grad @ transpose(grad) @ grad\n",
        "needs a matrix, and this line runs for other tensors",
        "transpose",
    ),
    "no rounds": ("repeat 3:", "repeat 0:", "repeat", ""),
    "too many rounds": ("repeat 3:", "repeat 65:", "64", ""),
    "rounds that aren't known": ("repeat 3:", "repeat decay:", "repeat", ""),
    "a state of another variable": (
        'left = { shape = "rows by rows", when = "matrix" }',
        'left = { shape = "rows by rows" }',
        "left",
        "",
    ),
    "a shape of no name": ('"rows by rows"', '"rows by row"', "rows by row", ""),
}


def test_the_example_has_none(tmp_path: Path) -> None:
    assert not problems(tmp_path, BASE)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_is_told_where_it_is(mistake: str, tmp_path: Path) -> None:
    old, new, message, under = MISTAKES[mistake]
    assert old in BASE
    assert_told(tmp_path, BASE.replace(old, new, 1), message, under)


@pytest.mark.parametrize(
    ("product", "hint"),
    [
        ("grad @ grad", "columns meet rows; transpose the second"),
        ("left @ transpose(grad)", "rows meet columns; transpose the second"),
        ("grad @ left", "columns meet rows; transpose the first"),
        ("left @ right", "rows meet columns"),
    ],
)
def test_a_hint_says_which_sides_meet(product: str, hint: str, tmp_path: Path) -> None:
    found = problems(tmp_path, BASE.replace(X, f"x = {product}"))
    assert hint in [problem.hint for problem in found]


def test_what_a_wrong_line_has_made_is_no_further_mistake(tmp_path: Path) -> None:
    lines = f"{X}\n    sums = gram(x) + left\n    x = inverse_root(sums, 2, 1e-6) @ x"
    (found,) = problems(tmp_path, BASE.replace(X, lines))
    assert "this has one number for each pair of rows" in found.message
