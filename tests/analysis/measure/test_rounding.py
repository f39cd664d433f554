"""Bounds of rounding errors hold under a search, and say where there is none."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from optgen import optimizers
from optgen.analysis.measure.error_bounds import analyse, bounds_of, limits
from optgen.analysis.measure.settings import Setting, settings
from optgen.compiler.ir.accuracy import STEP_RESULT, Bound, in_tenths
from optgen.compiler.ir.plan import Plan
from optgen.compiler.pipeline import compile_spec, load_all, plan_of
from optgen.compiler.read.load import load
from tests.analysis.measure.plans import AROUND, FILES, PARTS, emulated, planned, with_kernels
from tests.analysis.measure.search import Target, searches, worst
from tests.analysis.measure.test_measure import own_arguments
from tests.chosen import first_of

DECLARED = {
    "hyperparameters": {
        "learning_rate": "{ default = 0.001 }",
        "decay": '{ default = 0.9, range = "0 <= decay < 1" }',
    },
    "state": {"m": "{}", "v": '{ invariant = "v >= 0" }'},
}


def plan(folder: Path, rule: str) -> Plan:
    """The plan of a rule, with what it uses declared, and states that it only reads assigned."""
    lines = ['name = "Odd"', 'summary = "A rule of its own."']
    used = set(re.findall("[a-z_]+", rule))
    for table, entries in DECLARED.items():
        lines += [f"[{table}]", *(f"{n} = {entry}" for n, entry in entries.items() if n in used)]
    given = {"m": "grad", "v": "grad*grad"}
    new = [
        f"{n} = {value}"
        for n, value in given.items()
        if n in used and f"\n{n} = " not in f"\n{rule}"
    ]
    lines += ["[update]", "rule = '''", rule, *new, "'''"]
    path = folder / "odd.toml"
    path.write_text("\n".join(lines))
    return plan_of(load(path), AROUND)


def found(folder: Path, rule: str) -> dict[str, Bound]:
    return {one.result: one for one in limits(plan(folder, rule))}


@pytest.mark.parametrize("part", first_of(PARTS, 1))
def test_a_search_breaks_no_bound(part: int) -> None:
    for name, one in emulated(part).items():
        if not name.endswith("W"):
            for bound, error, inputs in searches(one, 2000, steps=(2,), rounds=4):
                assert bound.ulps is None or error <= bound.ulps, (name, bound, inputs)


def test_an_input_that_random_runs_are_far_from() -> None:
    adam = planned("adam")
    setting = next(one for one in settings(adam) if one.label == "not amsgrad")
    target = Target(setting, analyse(adam.rule, setting), 7)
    gradient, mean, velocity = 0.11006443947553635, 0.5763669610023499, 0.03180813789367676
    error = target.precisely({"grad": gradient, "mean_gradient": mean, "velocity": velocity})
    (bound,) = (b for b in bounds_of(setting, target.analysis) if b.result == STEP_RESULT)
    assert bound.ulps is not None
    assert 5.2 < error[STEP_RESULT] <= bound.ulps


@pytest.mark.parametrize("part", first_of(PARTS, 1))
def test_kernels_keep_the_bounds(part: int) -> None:
    for name, plan in with_kernels(part).items():
        for setting in settings(plan):
            assert_kernels_keep_the_bounds(name, plan, setting)


def assert_kernels_keep_the_bounds(name: str, plan: Plan, setting: Setting) -> None:
    target = Target(setting, analyse(plan.rule, setting), 1)
    inputs = target.draw(4000, np.random.default_rng(3))
    optimizer = getattr(optimizers, name)(**own_arguments(plan, setting))
    weights = np.zeros(4000, np.float32)
    optimizer.build([weights])
    (kept,) = optimizer.state.values()
    for state in setting.states:
        if not kept[state.name].ndim:
            inputs[state.name][:] = inputs[state.name][0]
        kept[state.name].flat = inputs[state.name]
    with np.errstate(all="ignore"):
        optimizer.apply([inputs["grad"]], [weights])
        results = {"param": weights, **{s.name: kept[s.name] for s in setting.states}}
        errors = target.errors(inputs, results)
    for bound in bounds_of(setting, target.analysis):
        most = float("inf") if bound.ulps is None else bound.ulps
        assert errors[bound.result].max() <= most, (name, bound)
    # A rule without states may round once.
    assert not setting.states or any(
        errors[bound.result].max() > 0.5 for bound in bounds_of(setting, target.analysis)
    )


@pytest.mark.parametrize(
    ("expression", "roundings"),
    [
        ("learning_rate*grad", 2),
        ("2*grad/4", 0),
        ("grad/learning_rate", 2),
        ("0.1*grad", 2),
        ("sqrt(v)", 1),
        ("sqrt(v*v)", 1.5),
        ("(v*v)**4", 7),
        ("grad - m", 1),
        ("v*v + v", 2),
        ("abs(grad)*sign(m)", 1),
        ("max(grad*grad, v)", 1),
        ("grad/(1 + decay)", 2),
        ("decay*v + (1 - decay)*v", 3),
    ],
)
def test_roundings_are_counted(tmp_path: Path, expression: str, roundings: float) -> None:
    """Counts by hand, after Higham's rules."""
    one = found(tmp_path, f"param = param - ({expression})")[STEP_RESULT]
    assert one.ulps is not None
    assert not one.cancels
    assert roundings <= one.ulps < roundings + 0.01


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("grad/(m*m - v*v)", "m*m - v*v may cancel, and divides"),
        ("sqrt(max(v - m*m, 0))", "may cancel, and is under a root"),
        ("sign(m*m - v*v)", "may cancel, and decides a sign"),
        ("exp(m*m - v*v)", "may cancel, and is an exponent"),
        ("log(1 + v)", "is near 0 where"),
        ("where(m*m > v, grad, m)", "rounding may decide m*m > v"),
        ("grad/norm(grad)", "is a sum over a tensor"),
        ("grad*sqrt(1 - 2*decay**step)", "1 - 2*decay**step may cancel, and is under a root"),
        ("grad*(1 - 2*decay**step)", "may cancel in float64"),
    ],
)
def test_there_is_a_reason_where_there_is_no_bound(
    tmp_path: Path, expression: str, why: str
) -> None:
    one = found(tmp_path, f"param = param - {expression}")[STEP_RESULT]
    assert one.ulps is None
    assert why in one.why


@pytest.mark.parametrize(
    "rule",
    [
        "m = exp(-grad*grad)\nparam = param - m",
        "m = exp(v)*(v + 1)**1.5\nparam = param - m",
        "m = m + (1 - decay)*(grad - m)\nv = max(v, grad*grad)\nparam = param - m/(sqrt(v) + 1)",
        "m = where(grad*m > 0, decay*m + grad, m)\nparam = param - min(m, grad)",
    ],
)
def test_bounds_of_rules_of_other_kinds_hold(tmp_path: Path, rule: str) -> None:
    own = plan(tmp_path, rule)
    for setting in settings(own):
        target = Target(setting, analyse(own.rule, setting), 2)
        for bound in bounds_of(setting, target.analysis):
            assert bound.ulps is not None
            error, inputs = worst(target, bound.result, 2000, 4)
            assert error <= bound.ulps, inputs


def test_a_bound_is_never_rounded_down() -> None:
    assert in_tenths(Fraction(10)) == "10"
    assert in_tenths(Fraction(10) + Fraction(1, 10**9)) == "10.1"


def test_the_header_of_a_class_has_the_bound_and_where_there_is_none() -> None:
    (spec,) = load_all([path for path in FILES if path.stem == "rmsprop"])
    texts = {source.path: source.text for source in compile_spec(spec, AROUND)}
    largest = max(one.ulps for one in limits(planned("rmsprop")) if one.ulps is not None)
    header = " ".join(texts["rmsprop.py"].split('"""')[0].replace("\n# ", " ").split())
    assert f"a step or state is off by {in_tenths(largest)} ulps at most" in header
    assert "No bound for step of param, momentum_buffer where centered" in header


def test_values_that_leave_their_domain_are_no_crash(tmp_path: Path) -> None:
    rule = "scale = sqrt(step - 5)*log(step - 1000)\nparam = param - learning_rate*scale*grad**3"
    assert "is near 0" in limits(plan(tmp_path, rule))[0].why
