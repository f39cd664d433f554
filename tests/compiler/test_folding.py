"""Folding breaks lines, and never changes what they say."""

from __future__ import annotations

import ast

from hypothesis import given, settings
from hypothesis import strategies as st

from optgen.compiler.emit.folding import WIDTH, fold

NAMES = st.sampled_from(["x", "velocity", "accumulated_gradient", "one_minus_beta_1"])
NUMBERS = st.sampled_from(["real(1)", "real(0.001)", "2.0"])


def _joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from([" + ", " - ", " * ", " / ", " | "])
    return st.one_of(
        st.tuples(parts, operators, parts).map("".join),
        parts.map("({})".format),
        st.tuples(parts, parts, parts).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})"),
        st.tuples(parts, parts).map(lambda p: f"{p[0]} > ({p[1]})").map("({})".format),
        st.lists(parts, min_size=1, max_size=3).map(lambda p: f"clip({', '.join(p)})"),
    )


VALUES = st.recursive(NAMES | NUMBERS, _joined, max_leaves=30)


@given(VALUES, st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_statements_say_the_same(value: str, depth: int) -> None:
    lines = [f"{'    ' * k}if on:" for k in range(depth)]
    prefix = "    " * depth
    lines += [f"{prefix}denominator = {value}", f"{prefix}store({value}, x)"]
    lines += [f"{prefix}late = real(1) > ({value})"]
    text = "\n".join(lines)
    assert ast.dump(ast.parse(fold(text))) == ast.dump(ast.parse(text))


def test_lists_are_filled() -> None:
    names = [f"switch_{k}_given: bool" for k in range(12)]
    text = f"def update(real: type, *, {', '.join(names)}) -> Kernel:\n    pass"
    folded = fold(text)
    assert max(map(len, folded.split("\n"))) <= WIDTH
    assert len(folded.split("\n")) == 7
    assert ast.dump(ast.parse(folded)) == ast.dump(ast.parse(text))


def test_prose_and_comments_stay() -> None:
    text = f'"""{"word " * 40}"""\n# {"word " * 40}'
    assert fold(text) == text
