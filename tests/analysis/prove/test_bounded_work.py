"""Legal rules that are odd or large: each ends with findings, whatever an analysis meets."""

from __future__ import annotations

from collections.abc import Set
from fractions import Fraction
from pathlib import Path

import pytest

from optgen.analysis import prove as package
from optgen.analysis.exact.bounds import bounds
from optgen.analysis.exact.constant_folding import folded
from optgen.analysis.exact.interval import LONGEST, Interval, bits
from optgen.analysis.exact.work import ExhaustedError, Work, bounded, spend
from optgen.analysis.prove import float32, prove
from optgen.analysis.prove.rounding import STEPS
from optgen.analysis.reports import findings
from optgen.compiler.ir.expression import Expression, Name, Number, Operation
from optgen.compiler.ir.proof import EVERY, Finding, Group, Verdict
from optgen.compiler.ir.rule import STEP
from optgen.compiler.pipeline import checked_rule, compile_spec, load_all, surroundings
from tests.chosen import first_of

AROUND = surroundings()
SPEC = '''name = "Odd"
summary = "A rule that is odd."

[hyperparameters]
beta = {{ default = 0.9, range = "0 <= beta < 1" }}
epsilon = {{ default = 1e-7, range = "epsilon > 0" }}
on = {{ default = false }}

[state]
m = {{}}

[update]
rule = """
m = beta*m + (1 - beta)*{0}
if on:
    m = 2*m
param = param - learning_rate*m + 0*epsilon
"""
'''
#: Rectified Adam (Liu et al., 2020), with the choice where its variance becomes tractable.
RADAM = '''name = "RAdam"
summary = "Adam with a rectified start."

[hyperparameters]
beta_1 = { default = 0.9, range = "0 <= beta_1 < 1" }
beta_2 = { default = 0.999, range = "0 <= beta_2 < 1" }
epsilon = { default = 1e-8, range = "epsilon > 0" }

[state]
m = {}
v = { invariant = "v >= 0" }

[update]
rule = """
m = beta_1*m + (1 - beta_1)*grad
v = beta_2*v + (1 - beta_2)*grad**2
largest = 2/(1 - beta_2) - 1
length = largest - 2*step*beta_2**step/(1 - beta_2**step)
average = m/(1 - beta_1**step)
top = (length - 4)*(length - 2)*largest
bottom = (largest - 4)*(largest - 2)*length
rectified = sqrt(max(top/bottom, 0))
scaled = rectified*average/(sqrt(v/(1 - beta_2**step)) + epsilon)
param = param - learning_rate*where(length > 5, scaled, average)
"""
'''
MOVES = "param = param - learning_rate*m"
FORGOTTEN_ELSE = SPEC.format("grad/(abs(grad) + epsilon)").replace(
    "    m = 2*m\nparam = param - learning_rate*m + 0*epsilon",
    "    param = param - learning_rate*m",
)
ODD = {
    "forgotten else": FORGOTTEN_ELSE,
    "power": SPEC.format("grad**13"),
    "powers": SPEC.format("(grad**4)**4"),
    "exponentials": SPEC.format("exp(exp(exp(exp(exp(grad)))))"),
    "remainder": SPEC.format("exp(exp(exp(grad))) % (1e-300*grad)"),
    "fractions": SPEC.format(" + ".join(f"grad/(grad**2 + {k}*m**2 + epsilon)" for k in range(9))),
    "tiny": SPEC.format("grad*1e-300*1e-300*1e-300*1e-300"),
    "power of powers": SPEC.format("beta**60" + "\nm = m**60" * 9),
    "rectified adam": RADAM,
    "roots": SPEC.format("sqrt(" * 40 + "abs(grad)" + ")" * 40),
    "deep": SPEC.format("grad" + "\nm = sqrt(abs(m))" * 300),
}
OUT_OF_DOMAIN = {
    "1/(step - 1)": 1,
    "grad*(1/(step - 2))": 2,
    "grad/(step - 1000)": 1000,
    "grad*sqrt(-beta**step)": None,
    "grad*log(1 - step)": None,
    "grad % (step - 1)": 1,
}


def found(text: str, folder: Path, of: frozenset[Group] = EVERY) -> tuple[Finding, ...]:
    path = folder / "odd.toml"
    path.write_text(text)
    (spec,) = load_all([path])
    assert compile_spec(spec, AROUND)
    every = findings(spec, of)
    assert not [finding.crash for finding in every if finding.crash]
    return every


@pytest.mark.parametrize("text", first_of(ODD.values(), 8), ids=ODD.keys())
def test_odd_rules_end_with_findings(text: str, tmp_path: Path) -> None:
    assert {finding.group for finding in found(text, tmp_path)} >= {Group.DESCENT, Group.DEGREE}


def test_a_forgotten_else_is_told_of_where_the_parameter_moves_elsewhere(tmp_path: Path) -> None:
    told = [one for one in found(ODD["forgotten else"], tmp_path) if one.group is Group.DESCENT]
    assert {finding.variant for finding in told} == {"on", "not on"}
    assert {finding.location.text.strip() for finding in told} == {MOVES}


@pytest.mark.parametrize("part", first_of(OUT_OF_DOMAIN, 4))
def test_numbers_that_leave_a_domain_are_given_with_the_step(part: str, tmp_path: Path) -> None:
    steps = [
        finding.numbers.get(STEP)
        for finding in found(SPEC.format(part), tmp_path, frozenset({Group.DOMAIN}))
        if finding.verdict is Verdict.REFUTED
    ]
    assert steps
    wanted = OUT_OF_DOMAIN[part]
    assert all(step == wanted if wanted else step is not None for step in steps)


def test_an_analysis_that_takes_too_long_is_undecided_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package, "MOST_WORK", 30)
    every = found(RADAM, tmp_path)
    ended = [finding for finding in every if "need more work" in finding.reason]
    assert ended
    assert all(finding.verdict is Verdict.UNDECIDED for finding in ended)
    assert {finding.group for finding in every} >= {Group.DESCENT, Group.DEGREE, Group.WEIGHTS}


def test_an_analysis_that_fails_leaves_the_others_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise LookupError("planted")

    monkeypatch.setattr(package, "domains", fails)
    path = tmp_path / "odd.toml"
    path.write_text(RADAM)
    every = prove(checked_rule(*load_all([path])))
    (crashed,) = (finding for finding in every if finding.crash)
    assert crashed.group is Group.DOMAIN
    assert crashed.verdict is Verdict.UNDECIDED
    assert "LookupError: planted" in crashed.crash
    assert {finding.group for finding in every} >= {Group.INVARIANT, Group.DEGREE, Group.START}


def test_runs_compute_each_operation_once_a_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, compute = [0], float32.apply

    def counted(part: Operation, operands: list[object], elements: Set[int]) -> object:
        calls[0] += 1
        return compute(part, operands, elements)

    monkeypatch.setattr(float32, "apply", counted)
    depth, settings = 40, 2
    found(ODD["roots"], tmp_path)
    assert STEPS * depth < calls[0] < settings * 2 * STEPS * (depth + 20)


def test_work_counts_against_every_bound_around_it() -> None:
    outer = Work(10)
    with bounded(outer), bounded(Work(5)):
        spend(5)
        with pytest.raises(ExhaustedError):
            spend(1)
    assert outer.left == 4
    spend(10**9)


def tower(base: Expression, height: int) -> Expression:
    for _ in range(height):
        base = Operation("**", (base, Number(64)))
    return base


@pytest.mark.parametrize("end", [Fraction(999, 1000), Fraction(1001, 1000), Fraction(-7, 3)])
def test_bounds_of_towers_are_short_and_lie_outside(end: Fraction) -> None:
    known = {"x": Interval.point(end)}
    one = bounds(tower(Name("x"), 1), known)
    assert one.low == one.high == end**64
    two = bounds(tower(Name("x"), 2), known)
    assert two.low is None or two.low <= end**4096
    assert two.high is None or end**4096 <= two.high
    assert two.is_positive
    for height in range(2, 12):
        interval = bounds(tower(Name("x"), height), known)
        assert all(bits(e) <= LONGEST for e in (interval.low, interval.high) if e is not None)
        assert interval.is_positive


def test_towers_of_numbers_are_left_as_they_are() -> None:
    assert folded(tower(Number(3), 1), {}) == Number(3**64)
    assert isinstance(folded(tower(Number(3), 9), {}), Operation)
