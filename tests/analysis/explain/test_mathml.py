"""Formulas in MathML: that they can be read, and that they say what the rule says."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from optgen.analysis.explain import mathml, steps_in_mathml, variants
from optgen.compiler.ir.expression import Expression, Name, Number, Operation
from optgen.compiler.library import optimizer_files
from optgen.compiler.pipeline import checked_rule, load_all
from tests.chosen import rest_in_full
from tests.numeric.specs import COVER

A, B = Name("a"), Name("b")
SUM, QUOTIENT = Operation("+", (A, B)), Operation("/", (A, B))
#: Rules with all that any has, and with products of matrices.
SOME = {*COVER, "muon", "shampoo"}
SHOWN: list[tuple[Expression, str]] = [
    (Operation("*", (A, SUM)), "a\u2062(a+b)"),
    (Operation("*", (A, Number(2))), "a·2"),
    (Operation("*", (A, Operation("neg", (B,)))), "a·\N{MINUS SIGN}b"),
    (Operation("-", (A, SUM)), "a\N{MINUS SIGN}(a+b)"),
    (Operation("**", (SUM, Number(2))), "(a+b)2"),
    (Operation("abs", (SUM,)), "|a+b|"),
    (Operation("norm", (A,)), "‖a‖"),
    (Operation("row_norm", (SUM,)), "‖a+b‖row"),
    (Operation("global_norm", (A,)), "‖a‖all"),
    (Operation("column_mean", (A,)), "meancolumn\u2061(a)"),
    (Operation("row_largest", (A,)), "maxrow\u2061(a)"),
    (Operation("global_sum", (A,)), "sumall\u2061(a)"),
    (Operation("smallest", (A,)), "min\u2061(a)"),
    (Operation("max", (A, B)), "max\u2061(a,b)"),
    (Operation("not", (Operation("<", (A, B)),)), "¬(a<b)"),
    (Operation("where", (Operation("<", (A, B)), A, B)), "{aa<bbotherwise"),
    (Operation("@", (A, Operation("transpose", (A,)))), "a@a\N{DOWN TACK}"),
    (Operation("@", (A, Operation("transpose", (SUM,)))), "a@(a+b)\N{DOWN TACK}"),
    (Operation("gram", (A,)), "gram\u2061(a)"),
    (Name("beta_2"), "β2"),
    (Name("learning_rate"), "η"),
    (Name("velocity"), "velocity"),
]


def read(shown: str) -> ET.Element:
    return ET.fromstring(shown)


@pytest.mark.parametrize(
    "path",
    rest_in_full(optimizer_files(), lambda path: path.stem in SOME),
    ids=lambda path: path.stem,
)
def test_formulas_are_xml(path: Path) -> None:
    (spec,) = load_all([path])
    for variant in variants(checked_rule(spec)):
        found = read(steps_in_mathml(variant.steps))
        assert found.tag == "math"
        (table,) = found
        assert [len(row) for row in table] == [2] * len(variant.steps)


@pytest.mark.parametrize(("expression", "shown"), SHOWN, ids=lambda value: str(value)[:40])
def test_what_is_shown(expression: Expression, shown: str) -> None:
    assert "".join(read(mathml(expression)).itertext()) == shown


def test_fractions_and_roots_are_drawn() -> None:
    found = read(mathml(Operation("sqrt", (QUOTIENT,))))
    assert [part.tag for part in found.iter()][:3] == ["math", "msqrt", "mfrac"]
    cases = read(mathml(Operation("where", (Operation("<", (A, B)), A, B))))
    assert [len(row) for row in cases.iter("mtr")] == [2, 2]
