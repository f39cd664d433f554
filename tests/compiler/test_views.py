"""Views of variables as matrices: a rule's own, or those of its features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import optgen
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.pipeline import load_all, load_file, plan_of, surroundings

FEATURE = '''
name = "{name}"
summary = "Subtract the mean of each row."
slot = "clip"
when = "{name}"
[matrix]
view = "{view}"
[hyperparameters]
{name} = {{ default = false }}
[update]
rule = """
if matrix:
    grad = grad - row_mean(grad)
"""
'''
RULE = '''
name = "Columns"
[matrix]
view = "last two"
[update]
rule = """
if matrix:
    grad = grad - column_mean(grad)
change = learning_rate*grad
"""
'''


@pytest.fixture
def features(tmp_path: Path) -> list[Path]:
    paths = []
    for name, view in (("first", "first by rest"), ("second", "last two")):
        paths.append(tmp_path / f"{name}.toml")
        paths[-1].write_text(FEATURE.format(name=name, view=view), encoding="utf-8")
    return paths


def plain(folder: Path) -> Path:
    path = folder / "plain.toml"
    path.write_text('name = "Plain"\n[update]\nrule = "change = learning_rate*grad"\n')
    return path


def test_a_rule_takes_the_view_of_its_feature(features: list[Path], tmp_path: Path) -> None:
    made = optgen.compile(plain(tmp_path), features[0])(learning_rate=1.0, first=True)
    gradient = np.arange(12.0).reshape(2, 3, 2) ** 2
    weights = np.zeros_like(gradient)
    made.apply([gradient], [weights])
    rows = gradient.reshape(2, 6)
    expected = (rows.mean(axis=1, keepdims=True) - rows).reshape(2, 3, 2)
    np.testing.assert_allclose(weights, expected, rtol=1e-14)


def test_the_view_of_a_rule_counts_for_its_features(features: list[Path], tmp_path: Path) -> None:
    (tmp_path / "columns.toml").write_text(RULE, encoding="utf-8")
    specs = load_all(features)
    plan = plan_of(load_file(tmp_path / "columns.toml"), surroundings(specs))
    assert plan.rule.view == "last two"


def test_two_views_need_a_third(features: list[Path], tmp_path: Path) -> None:
    around = surroundings(load_all(features))
    with pytest.raises(SpecError) as caught:
        plan_of(load_file(plain(tmp_path)), around)
    (problem,) = caught.value.problems
    assert "'first' views variables as 'first by rest'" in problem.message
    _, under = problem.location.caret().split("\n")
    assert under.strip() == "^" + "~" * (len("last two") - 1)
    assert "a [matrix] view" in problem.hint
