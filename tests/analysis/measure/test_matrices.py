"""Plans with functions of matrices compute what the rules say; why results have no error bound."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from optgen.analysis.exact.matrix_facts import is_call
from optgen.analysis.measure import measure
from optgen.analysis.measure.equivalence import mean_the_same
from optgen.analysis.measure.settings import settings
from optgen.compiler.emit.rounding import rounding_lines
from optgen.compiler.ir.expression import Operation
from optgen.compiler.ir.plan import Plan
from optgen.compiler.pipeline import load_all, plan_of, surroundings

AROUND = surroundings()
HERE = Path(__file__).parents[1] / "prove" / "matrices"
NAMES = sorted(path.stem for path in HERE.glob("*.toml"))
#: Values too large to be written out.
LARGE = {"ortho"}


@cache
def planned(name: str) -> Plan:
    return plan_of(load_all([HERE / f"{name}.toml"])[0], AROUND)


@pytest.mark.parametrize("name", sorted({*NAMES} - LARGE))
def test_plans_are_proved_equal_to_their_rules(name: str) -> None:
    every = list(settings(planned(name)))
    assert any(setting.label.startswith("matrix") for setting in every)
    assert all(map(mean_the_same, every))


@pytest.mark.parametrize("name", sorted({*NAMES} - LARGE))
def test_a_plan_with_another_product_is_not(name: str) -> None:
    changed = 0
    of_matrices = [one for one in settings(planned(name)) if "not matrix" not in one.label]
    for setting in of_matrices:
        for place, item in enumerate(setting.body):
            if is_call(item.expression):
                assert isinstance(item.expression, Operation)
                twice = Operation("*", (item.expression, item.expression))
                body = list(setting.body)
                body[place] = replace(item, expression=twice)
                assert not mean_the_same(replace(setting, body=tuple(body))), item
                changed += 1
    assert changed


@pytest.mark.parametrize("name", NAMES)
def test_results_of_libraries_have_no_bound_and_a_reason(name: str) -> None:
    found = measure(planned(name))
    assert found.steps > 0
    for bound in found.bounds:
        assert (bound.ulps is None) == bool(bound.why)
        if bound.result in ("left", "right", "left_root", "left_basis"):
            # Between its updates a root or a basis is what it was.
            stays = "_" in bound.result and "not step" in bound.setting
            assert bound.ulps == 0 if stays else "library" in bound.why
    (line,) = (one for one in rounding_lines(found.bounds) if "No bound" in one)
    assert "step of param" in line
    assert "where matrix" in line


def test_what_only_averages_has_a_bound_beside_matrices() -> None:
    found = measure(planned("based"))
    assert all(bound.ulps is not None for bound in found.bounds if bound.result == "m")
    apart = [bound for bound in found.bounds if "not matrix" in bound.setting]
    assert apart
    assert all(bound.ulps is not None for bound in apart)


@pytest.mark.parametrize("name", NAMES)
def test_emulation_of_one_element_is_near_the_rule(name: str) -> None:
    """With matrices of one element, libraries' errors don't grow, and the rest is as bounded."""
    found = measure(planned(name))
    assert any(label.startswith("matrix") for label, _ in found.found)
    ordinary = {kind: error for kind, error in found.planned.items() if kind != "cancelling"}
    assert 0 < max(ordinary.values()) < 32
