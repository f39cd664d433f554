"""Trees printed and read again, and conditions against their truth tables."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optgen.compiler.emit.meaning import printed
from optgen.compiler.emit.printer import Printer
from optgen.compiler.ir.condition import ALWAYS, NEVER, Condition
from optgen.compiler.ir.expression import NOWHERE, Expression, Name, Number, Operation, text
from optgen.compiler.ir.problem import Problems
from optgen.compiler.ir.spec import Text
from optgen.compiler.read.parse.grammar import Grammar

names = st.sampled_from(["a", "b", "grad", "param"]).map(Name)
literals = st.one_of(st.integers(0, 9), st.floats(0, 100)).map(Number)


def bigger(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    two = st.tuples(inner, inner)
    condition = st.tuples(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), two)
    tests = condition.map(lambda pair: Operation(pair[0], pair[1]))
    joined = st.tuples(st.sampled_from(["and", "or"]), tests, tests).map(
        lambda t: Operation(t[0], (t[1], t[2]))
    )
    every = st.one_of(tests, joined, tests.map(lambda t: Operation("not", (t,))))
    return st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "/", "%", "**"]), two).map(
            lambda pair: Operation(pair[0], pair[1])
        ),
        inner.map(lambda x: Operation("neg", (x,))),
        st.tuples(st.sampled_from(["sqrt", "abs"]), inner).map(
            lambda pair: Operation(pair[0], (pair[1],))
        ),
        two.map(lambda pair: Operation("max", pair)),
        st.tuples(every, inner, inner).map(lambda t: Operation("where", t)),
    )


trees: st.SearchStrategy[Any] = st.recursive(st.one_of(names, literals), bigger, max_leaves=12)


@settings(deadline=None, max_examples=300)
@given(trees)
def test_what_is_printed_means_the_tree(tree: Expression) -> None:
    # ``printed`` raises where the text, parsed by Python, is another tree.
    for printer in (Printer(), Printer("real")):
        assert printed(tree, printer)


@settings(deadline=None, max_examples=300)
@given(trees)
def test_what_is_shown_is_read_as_the_same_tree(tree: Expression) -> None:
    problems = Problems()
    assert Grammar(Text(text(tree), NOWHERE), "eval", problems).expression() == tree
    assert not problems


ATOMS = ("p", "q", "r")
literal = st.tuples(st.sampled_from(ATOMS), st.booleans()).map(lambda pair: Condition.of(*pair))
conditions = st.recursive(
    st.one_of(literal, st.sampled_from([ALWAYS, NEVER])),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] & pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
        inner.map(lambda condition: ~condition),
    ),
    max_leaves=8,
)
EVERY = [
    dict(zip(ATOMS, values, strict=True)) for values in itertools.product([False, True], repeat=3)
]


def table(condition: Condition) -> list[bool]:
    return [condition.holds(values) for values in EVERY]


@settings(deadline=None, max_examples=300)
@given(conditions, conditions)
def test_conditions_are_boolean_functions(left: Condition, right: Condition) -> None:
    pairs = list(zip(table(left), table(right), strict=True))
    assert table(left & right) == [a and b for a, b in pairs]
    assert table(left | right) == [a or b for a, b in pairs]
    assert table(~left) == [not a for a, _ in pairs]
    assert left.implies(right) == all(b for a, b in pairs if a)


@settings(deadline=None, max_examples=200)
@given(conditions, st.sampled_from(ATOMS), st.booleans())
def test_what_is_known_need_not_be_asked(condition: Condition, atom: str, value: bool) -> None:
    rest = condition.given(((atom, value),))
    assert atom not in rest.atoms
    for values in EVERY:
        if values[atom] == value:
            assert rest.holds(values) == condition.holds(values)


@pytest.mark.parametrize("condition", [ALWAYS, NEVER])
def test_the_ends(condition: Condition) -> None:
    assert ~~condition == condition
