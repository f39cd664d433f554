"""Plans of rules with numbers, rows and columns compute what the rules say."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from optgen.analysis.measure import measure
from optgen.analysis.measure.equivalence import mean_the_same
from optgen.analysis.measure.settings import settings
from optgen.compiler.ir.expression import Name, Operation
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.plan import Plan
from optgen.compiler.pipeline import load_all, plan_of, surroundings

AROUND = surroundings()
SHAPED = sorted((Path(__file__).parents[1] / "prove" / "shaped").glob("*.toml"))
PLANS = [path.stem for path in SHAPED]
#: Values too large to be written out.
LARGE = {"adafactor", "adamp", "came"}


@cache
def planned(name: str) -> Plan:
    return plan_of(load_all([path for path in SHAPED if path.stem == name])[0], AROUND)


@pytest.mark.parametrize("name", sorted({*PLANS} - LARGE))
def test_plans_are_proved_equal_to_their_rules(name: str) -> None:
    every = list(settings(planned(name)))
    assert every
    assert all(map(mean_the_same, every))


@pytest.mark.parametrize("name", ["dog", "sm3", "novograd"])
def test_a_plan_with_another_sum_is_not(name: str) -> None:
    changed = 0
    for setting in settings(planned(name)):
        for place, item in enumerate(setting.body):
            if item.extent is Extent.ELEMENT or not isinstance(item.expression, Operation):
                continue
            term = Operation(item.expression.operator, (Name("param"),))
            if len(item.expression.operands) == 1 and item.expression != term:
                body = (*setting.body[:place], replace(item, expression=term))
                other = replace(setting, body=(*body, *setting.body[place + 1 :]))
                assert not mean_the_same(other), item
                changed += 1
    assert changed


@pytest.mark.parametrize("name", PLANS)
def test_states_of_a_shape_have_no_bound_and_a_reason(name: str) -> None:
    plan: Plan = planned(name)
    shaped = {s.name for s in plan.rule.states if s.extent is not Extent.ELEMENT}
    found = measure(plan)
    assert found.steps > 0
    for bound in found.bounds:
        if bound.result in shaped:
            assert bound.ulps is None
            assert "computed in float64" in bound.why
    # On one element, they are rounded once.
    exact = {k: error for k, error in found.found.items() if k[1] in shaped - {"distance"}}
    assert all(error <= 1 for error in exact.values()), exact
