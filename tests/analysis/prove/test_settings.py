"""Rules that choose by switches, and rules with one value for all elements, are run as others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from optgen.analysis.prove import prove
from optgen.analysis.prove.trajectories import Runs
from optgen.analysis.prove.variant import Variant, variants
from optgen.analysis.reports import accuracy_of
from optgen.compiler.ir.rule import Rule
from optgen.compiler.pipeline import load_file, surroundings
from optgen.compiler.read.parse import parse

SPEC = '''name = "Drawn"
summary = "Steps."

[hyperparameters]
quick = {{ default = true }}
extra = {{ optional = true, range = "extra > 0" }}

[state]
m = {{}}

[update]
rule = """
{rule}
"""
'''
CHOICES = """
m = where(quick and not given(extra), 0.9, 0.5)*m + grad
param = param - learning_rate*where(given(extra) or quick and step > 1, m, grad)
"""
SCALAR = """
m = where(quick, 0.9, 0.5)
grad = where(given(extra), 1e-07, 2)
param = norm(grad)
param = param - learning_rate*sum(param)
"""


def rule_of(folder: Path, text: str) -> Rule:
    path = folder / "drawn.toml"
    path.write_text(SPEC.format(rule=text.strip()))
    return parse(load_file(path))


@pytest.mark.parametrize("text", [CHOICES, SCALAR], ids=["choices", "scalars"])
def test_no_analysis_fails(text: str, tmp_path: Path) -> None:
    found = prove(rule_of(tmp_path, text))
    assert not [one.crash for one in found if one.crash]
    settings = {one.variant for one in found}
    assert {"quick, not given(extra)", "not quick, given(extra)"} <= settings


def variant(rule: Rule, label: str) -> Variant:
    (found,) = (one for one in variants(rule) if one.label == label)
    return found


@pytest.mark.parametrize(
    ("label", "kept"), [("quick, not given(extra)", 0.9), ("not quick, given(extra)", 0.5)]
)
def test_each_setting_makes_its_own_choices(label: str, kept: float, tmp_path: Path) -> None:
    chosen = variant(rule_of(tmp_path, CHOICES), label)
    runs = Runs(chosen, {"learning_rate": 0.1}, np.ones((2, 3)))
    for _ in range(2):
        runs.arrive(np.full((2, 3), 4.0))
        runs.step()
    np.testing.assert_allclose(runs.values["m"], np.full((2, 3), 4.0 * kept + 4.0))
    # The first step takes the gradient where only the step decides; m is 4 after it in any case.
    moved = 4.0 + runs.values["m"][0, 0]
    np.testing.assert_allclose(runs.values["param"], np.full((2, 3), 1 - 0.1 * moved), atol=1e-12)


def test_a_reduction_of_one_value_counts_all_elements(tmp_path: Path) -> None:
    chosen = variant(rule_of(tmp_path, SCALAR), "quick, not given(extra)")
    runs = Runs(chosen, {"learning_rate": 0.1}, np.ones((2, 3)))
    runs.arrive(np.ones((2, 3)))
    runs.step()
    norm = np.sqrt(3 * 2.0**2)
    np.testing.assert_allclose(runs.values["param"], np.full((2, 3), norm - 0.1 * 3 * norm))
    assert runs.values["m"].shape == (2, 3)


def test_the_plan_of_each_setting_is_measured(tmp_path: Path) -> None:
    rule_of(tmp_path, CHOICES)
    found = accuracy_of(load_file(tmp_path / "drawn.toml"), surroundings())
    assert found.proved
    assert {one.setting for one in found.bounds if one.ulps is not None} == {
        f"{quick}quick, {extra}given(extra)" for quick in ("", "not ") for extra in ("", "not ")
    }
