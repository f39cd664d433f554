"""Guards as nested ifs: what they compute is what each line's guard says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from optgen.compiler.emit.layout import Line, lay_out
from optgen.compiler.ir.condition import Condition

ATOMS = ("a", "b", "c")
LITERALS = st.tuples(st.sampled_from(ATOMS), st.booleans())
GUARDS = st.lists(LITERALS, max_size=3, unique_by=lambda literal: literal[0])


def test_an_if_alone_under_else_is_an_elif() -> None:
    a, b = Condition.of("a"), Condition.of("b")
    lines = [Line("x = 1", a), Line("x = 2", ~a & b), Line("y = 1", ~a & b)]
    assert lay_out(lines) == "if a:\n    x = 1\nelif b:\n    x = 2\n    y = 1"
    both = [Line("x = 1", a), Line("x = 2", ~a & b), Line("x = 3", ~a)]
    assert lay_out(both) == "if a:\n    x = 1\nelse:\n    if b:\n        x = 2\n    x = 3"


@given(st.lists(GUARDS, min_size=1, max_size=6), st.tuples(*[st.booleans()] * len(ATOMS)))
def test_each_line_runs_where_its_guard_holds(
    guards: list[list[tuple[str, bool]]], values: tuple[bool, ...]
) -> None:
    on = dict(zip(ATOMS, values, strict=True))
    lines = [
        Line(f"ran.append({number})", Condition((tuple(sorted(guard)),)))
        for number, guard in enumerate(guards)
    ]
    ran: list[int] = []
    exec(lay_out(lines), {**on, "ran": ran})
    wanted = [
        k for k, guard in enumerate(guards) if all(on[atom] is holds for atom, holds in guard)
    ]
    assert ran == wanted
