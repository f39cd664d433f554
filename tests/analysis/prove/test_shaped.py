"""Published rules with numbers, rows and columns, and with a planted error: what is found."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from optgen.analysis.reports import findings
from optgen.compiler.ir.problem import SpecError
from optgen.compiler.ir.proof import ASIDE, BINDING, EVERY, WARNED, Finding, Group, Verdict
from optgen.compiler.read.load import load

HERE = Path(__file__).parent / "shaped"
SOUND = sorted(HERE.glob("*.toml"))
#: A division by a norm of the parameter, which may be 0, hides the sign of the first step.
OPEN = {"adamp", "lamb", "lars", "nero"}
#: D-Adaptation divides by the second moment of earlier steps.
WARNED_OF = {"dadaptadam": {Group.START}}

#: The rule, what stands there, what is written instead, and where that shows; a text is part of
#: the error of the spec.
PLANTED: tuple[tuple[str, str, str, Group | str], ...] = (
    ("adafactor", "row_mean(square)", "row_mean(grad)", Group.INVARIANT),
    ("adafactor", "*column_mean(square)", "*row_mean(square)", "one number for each column"),
    ("adafactor", "column_mean(of_rows)/of_rows", "1/of_rows", Group.BEHAVIOUR),
    ("adafactor", "sqrt(of_columns)", "of_columns", Group.BEHAVIOUR),
    ("adafactor", "- learning_rate*max", "+ learning_rate*max", Group.DESCENT),
    ("adafactor", "max(1, sqrt(mean(u**2))", "min(1, sqrt(mean(u**2))", Group.BEHAVIOUR),
    ("adafactor", "1 - step**(-power)", "1 - step**power", Group.INVARIANT),
    (
        "adafactor",
        "grad*sqrt(column_mean(of_rows)/of_rows)/sqrt(of_columns)",
        "grad/sqrt(of_rows*of_columns/column_mean(of_rows))",
        Group.RANGE,
    ),
    ("came", "(clipped - m)**2", "(clipped - m)", Group.INVARIANT),
    ("came", "row_mean(residual)", "column_mean(residual)", "one number for each row"),
    ("came", "- learning_rate*m/", "+ learning_rate*m/", Group.DESCENT),
    ("sm3", "+ grad**2\n    of_rows", "+ grad\n    of_rows", Group.INVARIANT),
    ("sm3", "grad/sqrt(cover + epsilon)", "grad/(cover + epsilon)", Group.DEGREE),
    ("sm3", "row_largest(cover)", "column_largest(cover)", "one number for each row"),
    ("novograd", "sum(grad**2)", "sum(grad)", Group.INVARIANT),
    ("novograd", "sum(grad**2)", "sum(grad)**2", Group.BEHAVIOUR),
    ("novograd", "sum(grad**2)", "grad**2", "one number for each tensor"),
    ("novograd", "step > 1", "step < 1", Group.KNOWN),
    ("prodigy", "(start - param)", "(param - start)", Group.BEHAVIOUR),
    ("prodigy", "global_sum(abs(s))", "global_sum(s)", Group.KNOWN),
    ("prodigy", 'initial = "d0"', "initial = 0", Group.START),
    ("prodigy", "max(distance, estimate)", "min(distance, estimate)", Group.BEHAVIOUR),
    ("prodigy", "*global_sum(grad*", "*sum(grad*", "one number for all tensors"),
    ("dadaptadam", "grad*s/(sqrt(v) + epsilon)", "grad*s*(sqrt(v) + epsilon)", Group.BEHAVIOUR),
    ("dadaptadam", "(1 - root)*global_sum(abs(s))", "global_sum(abs(s))", Group.KNOWN),
    ("dadaptadam", "max(distance, estimate)", "estimate", Group.BEHAVIOUR),
    ("dog", "global_norm(param - start)", "global_norm(param)", Group.KNOWN),
    ("dog", "sqrt(squares + epsilon)", "(squares + epsilon)", Group.DEGREE),
    ("dog", "global_norm(grad)**2", "global_norm(grad)", Group.BEHAVIOUR),
    ("dog", "global_norm(param - start)", "norm(param - start)", "one number for all tensors"),
    ("lamb", "size/length", "length/size", Group.BEHAVIOUR),
    ("lamb", "norm(r)", "mean(r)", Group.ODDNESS),
    ("lamb", "norm(param)", "norm(grad)", Group.KNOWN),
    ("lars", "trust*size/(slope", "trust*slope/(size", Group.DEGREE),
    ("lars", "norm(param)", "sum(param)", Group.ODDNESS),
    ("nadam", "initial = 1,", "initial = 0,", Group.BEHAVIOUR),
    ("nadam", "product = product*now", "product = product/now", Group.INVARIANT),
    ("nadam", "product = product*now", "product = product*grad", "one value for each call"),
    ("nadam", "(1 - product*next)", "(1 - now*next)", Group.KNOWN),
    ("adammini", "row_mean(grad**2)", "row_mean(grad)", Group.INVARIANT),
    ("adammini", "(sqrt(v/(1 - beta_2**step))", "(v/(1 - beta_2**step)", Group.DEGREE),
    ("adammini", "(1 - beta_2**step)", "(1 - beta_1**step)", Group.START),
    ("nero", "scale*grad/(", "grad/scale/(", Group.DOMAIN),
    ("nero", "row_norm(param)", "column_norm(param)", "one number for each row"),
    ("adamp", "u - row_sum", "u + row_sum", Group.KNOWN),
    ("adamp", "param/(size + epsilon)", "param/(size**2 + epsilon)", Group.DESCENT),
    ("schedulefree", "z - rate*grad", "z + rate*grad", Group.DESCENT),
    ("schedulefree", "total + weight", "weight", Group.START),
    ("schedulefree", "(1 - beta)*z", "(1 + beta)*z", Group.WEIGHTS),
    ("schedulefree", "weight = rate**2", "weight = rate*grad", "one value for each call"),
)


@cache
def found(path: Path, of: frozenset[Group] = EVERY) -> tuple[Finding, ...]:
    return findings(load(path), of)


@pytest.mark.parametrize("path", SOUND, ids=lambda path: path.stem)
def test_no_sound_rule_is_refused(path: Path) -> None:
    for one in found(path):
        assert not one.crash, one.crash
        assert not one.is_refuted or one.group in ASIDE, one
        assert one.verdict is Verdict.PROVED or one.reason or one.fails, one


@pytest.mark.parametrize("path", SOUND, ids=lambda path: path.stem)
def test_no_sound_rule_is_warned_of(path: Path) -> None:
    warned = {one.group for one in found(path) if one.is_refuted and one.group in WARNED}
    assert warned == WARNED_OF.get(path.stem, set())


@pytest.mark.parametrize("path", SOUND, ids=lambda path: path.stem)
def test_invariants_and_domains_are_proved(path: Path) -> None:
    open_ones = {Group.DESCENT} if path.stem in OPEN else set()
    for one in found(path):
        if one.group in (BINDING | {Group.ODDNESS, Group.DEGREE}) - open_ones:
            assert one.verdict is Verdict.PROVED, one


def test_each_rule_has_a_planted_error() -> None:
    assert {name for name, *_ in PLANTED} == {path.stem for path in SOUND}


@pytest.mark.parametrize(
    "planted", PLANTED, ids=[f"{name}: {new}"[:50] for name, _, new, _ in PLANTED]
)
def test_planted_errors_are_found(
    planted: tuple[str, str, str, Group | str], tmp_path: Path
) -> None:
    name, old, new, where = planted
    text = (HERE / f"{name}.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "planted.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    if not isinstance(where, Group):
        with pytest.raises(SpecError) as caught:
            found(path)
        assert any(where in str(one) for one in caught.value.problems)
        return
    every = found(path, frozenset({where}))
    assert not any(one.crash for one in every)
    assert any(one.is_refuted for one in every)
