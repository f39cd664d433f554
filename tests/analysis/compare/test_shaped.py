"""Rules with rows and columns: what is equal is proved so, and matrices show what isn't."""

from __future__ import annotations

from pathlib import Path

import pytest

from optgen.analysis.compare import compare
from optgen.compiler.ir.comparison import Comparison
from optgen.compiler.pipeline import checked_rule, load_all

SHAPED = sorted((Path(__file__).parents[1] / "prove" / "shaped").glob("*.toml"))
FACTORED = '''name = "Factored"
[matrix]
view = "last two"
[hyperparameters]
decay = { default = 0.8, range = "0 < decay < 1" }
epsilon = { default = 1e-8, range = "epsilon > 0" }
[state]
r = { shape = "rows", when = "matrix" }
c = { shape = "columns", when = "matrix" }
v = { when = "not matrix" }
[update]
rule = """
square = grad*grad + epsilon
if matrix:
    r = decay*r + (1 - decay)*row_mean(square)
    c = (1 - decay)*column_mean(square) + decay*c
    estimate = c*r/column_mean(r)
else:
    v = decay*v + (1 - decay)*square
    estimate = v
param = param - learning_rate*grad/sqrt(estimate)
"""
'''


def compared(one: str, other: str, folder: Path) -> Comparison:
    rules = []
    for place, text in enumerate((one, other)):
        path = folder / f"{place}.toml"
        path.write_text(text, encoding="utf-8")
        (spec,) = load_all([path])
        rules.append(checked_rule(spec))
    return compare(rules[0], rules[1], {}, {})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("r = {", "q = {"),
        ("grad*grad", "grad**2"),
        ("c*r/column_mean(r)", "r/column_mean(r)*c"),
        ("row_mean(square)", "row_mean(grad**2 + epsilon)"),
        ("row_mean(square)", "row_sum(square)/columns"),
    ],
    ids=["names", "squares", "order", "temporaries", "sums"],
)
def test_equal_rules_are_proved_equal(old: str, new: str, tmp_path: Path) -> None:
    other = FACTORED.replace(old, new)
    if old == "r = {":
        rule = FACTORED.partition('rule = """')
        renamed = rule[2].replace("r = decay*r", "q = decay*q").replace("c*r/", "c*q/")
        other = rule[0].replace(old, new) + rule[1] + renamed.replace("_mean(r)", "_mean(q)")
    found = compared(FACTORED, other, tmp_path)
    by_label = {one.label: one.equal for one in found.settings}
    assert by_label.keys() == {"matrix", "not matrix"}
    assert by_label["not matrix"] is True
    # Arithmetic knows no relation between sums and means; runs agree.
    assert by_label["matrix"] is (None if "row_sum" in new else True), found.settings


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("row_mean(square)", "row_largest(square)"),
        ("c*r/column_mean(r)", "c*r"),
        ("c*r/column_mean(r)", "c*column_mean(r)"),
        ("column_mean(square)", "column_sum(square)"),
    ],
)
def test_different_rules_differ_on_a_matrix(old: str, new: str, tmp_path: Path) -> None:
    found = compared(FACTORED, FACTORED.replace(old, new), tmp_path)
    by_label = {one.label: one for one in found.settings}
    assert by_label["not matrix"].equal is True
    assert by_label["matrix"].equal is False
    assert {len(one) for one in by_label["matrix"].gradients} == {6}


def test_a_rule_without_a_view_is_compared_in_both_settings(tmp_path: Path) -> None:
    plain = '''name = "Plain"
[hyperparameters]
decay = { default = 0.8, range = "0 < decay < 1" }
epsilon = { default = 1e-8, range = "epsilon > 0" }
[state]
v = {}
[update]
rule = """
v = decay*v + (1 - decay)*(grad**2 + epsilon)
param = param - learning_rate*grad/sqrt(v)
"""
'''
    found = compared(FACTORED, plain, tmp_path)
    assert {one.label: one.equal for one in found.settings} == {"matrix": False, "not matrix": True}


@pytest.mark.parametrize("spec", load_all(SHAPED), ids=lambda s: s.name.value)
def test_a_rule_is_itself(spec: object) -> None:
    rule = checked_rule(spec)  # type: ignore[arg-type]
    assert compare(rule, rule, {}, {}).equal
