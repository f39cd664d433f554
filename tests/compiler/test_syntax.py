"""Trees that say the same, and trees that don't, against Python's own dumps of them."""

from __future__ import annotations

import ast
import itertools

from optgen.compiler.emit.syntax import expression, same

TEXTS = (
    "a + b",
    "(a\n + b)",
    "a - b",
    "b + a",
    "a + b*c",
    "(a + b)*c",
    "f(a, b)",
    "f(a, b,)",
    "f(a, x=b)",
    "f(a, y=b)",
    "f(*a)",
    "a < b < c",
    "(a < b) < c",
    "a if b else c",
    "c if b else a",
    "0.0",
    "-0.0",
    "0",
    "1",
    "1.0",
    "True",
    "'1'",
    "b'1'",
    "a.b",
    "a.c",
    "a[b]",
    "lambda a: b",
    "lambda c: b",
)


def test_trees_are_the_same_where_their_dumps_are() -> None:
    for one, other in itertools.product(TEXTS, repeat=2):
        trees = [ast.parse(text, mode="eval").body for text in (one, other)]
        assert same(*trees) == (ast.dump(trees[0]) == ast.dump(trees[1])), (one, other)


def test_a_tree_is_that_of_its_text() -> None:
    for text in TEXTS:
        assert ast.dump(expression(text)) == ast.dump(ast.parse(text, mode="eval").body)
        assert expression(text) is expression(text)


def test_numbers_whose_values_are_equal_differ_by_sign_and_type() -> None:
    numbers = [ast.Constant(value) for value in (0, 0.0, -0.0, False)]
    for one, other in itertools.combinations(numbers, 2):
        assert not same(one, other)
