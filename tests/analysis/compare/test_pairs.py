"""Rules that are known to be equal or not come out so, and a rule is always itself."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from optgen.analysis.compare import compare
from optgen.compiler.ir.rule import Rule
from optgen.compiler.library import optimizer_files
from optgen.compiler.pipeline import composed, load_all
from tests.analysis.compare.pairs import AROUND, KERAS, PAIRS, TORCH, Pair, written
from tests.chosen import rest_in_full
from tests.numeric.specs import COVER

SOUND = sorted((Path(__file__).parents[1] / "prove" / "sound").glob("*.toml"))


def values(texts: tuple[str, ...], rule: Rule) -> dict[str, float]:
    """What is given for both, as far as a rule has it."""
    pairs = dict(text.split("=") for text in texts)
    return {n: float(v) for n, v in pairs.items() if rule.hyperparameter(n) is not None}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_pairs_with_known_answers(pair: Pair, tmp_path: Path) -> None:
    one = written(tmp_path / "one.toml", pair.one)
    other = written(tmp_path / "other.toml", pair.other)
    for left, right in ((one, other), (other, one))[: 1 + pair.equal]:
        found = compare(left, right, values(pair.together, left), values(pair.together, right))
        assert found.equal is pair.equal, found.settings


@pytest.mark.parametrize(
    "path",
    rest_in_full([*optimizer_files(), *SOUND], lambda path: path.stem in COVER),
    ids=lambda path: path.stem,
)
def test_a_rule_is_itself(path: Path) -> None:
    (spec,) = load_all([path])
    rule = composed(spec, AROUND)
    found = compare(rule, rule, {}, {})
    assert found.equal, found.settings


def forever(*_: object) -> None:
    while True:
        pass


def test_a_comparison_ends_undecided_when_its_time_is_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module = importlib.import_module("optgen.analysis.compare")
    monkeypatch.setattr(module, "equality", forever)
    monkeypatch.setattr(module, "SECONDS", 0.3)
    one = written(tmp_path / "one.toml", "param = param - learning_rate*grad")
    other = written(tmp_path / "other.toml", "param = param - grad*learning_rate*sqrt(1)")
    found = compare(one, other, {}, {})
    assert found.equal is None
    assert found.settings[0].why == "no proof was found in time"


@pytest.mark.parametrize("given", [{"gradient_accumulation_steps": 4}, {"clipnorm": 1.0}])
def test_the_same_features_around_equal_rules_are_equal(
    given: dict[str, float], tmp_path: Path
) -> None:
    one = written(tmp_path / "one.toml", KERAS)
    other = written(tmp_path / "other.toml", TORCH)
    assert compare(one, other, given, given).equal
    assert not compare(one, other, given, {}).equal
    assert not compare(one, other, given, dict.fromkeys(given, 2)).equal


def test_settings_that_no_default_reaches_are_compared(tmp_path: Path) -> None:
    rule = "if factor > 7:\n    grad = 2*grad\nparam = param - learning_rate*grad"
    slip = rule.replace("2*grad", "3*grad")
    found = compare(written(tmp_path / "a", rule), written(tmp_path / "b", slip), {}, {})
    assert found.equal is False
    assert [one.equal for one in found.settings] == [True, False]


def test_an_update_that_depends_on_the_step_is_compared_in_each_case(tmp_path: Path) -> None:
    rule = "if step == 1:\n    grad = 2*grad\nparam = param - learning_rate*grad"
    one = written(tmp_path / "a", rule)
    same = written(tmp_path / "b", rule.replace("2*grad", "grad*4/2"))
    other = written(tmp_path / "c", rule.replace("2*grad", "3*grad"))
    plain = written(tmp_path / "d", "param = param - learning_rate*grad")
    assert compare(one, same, {}, {}).equal
    assert not compare(one, other, {}, {}).equal
    assert [case.equal for case in compare(one, plain, {}, {}).settings] == [True, None]


def test_a_setting_in_which_nothing_ran_says_so(tmp_path: Path) -> None:
    """In one of them only the step decides, so that no values of hyperparameters lead there."""
    rule = "if step == 1:\n    grad = 2*grad\nparam = param - learning_rate*grad"
    plain = written(tmp_path / "a", "param = param - learning_rate*grad")
    _, unequal = compare(written(tmp_path / "b", rule), plain, {}, {}).settings
    assert unequal.equal is None
    assert unequal.why == "no proof was found, and no run could be made"


def test_a_proof_that_fails_after_runs_says_that_these_agree(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module = importlib.import_module("optgen.analysis.compare")
    monkeypatch.setattr(module, "equality", lambda *_: None)
    one = written(tmp_path / "one.toml", "param = param - learning_rate*grad")
    other = written(tmp_path / "other.toml", "param = param - 2*learning_rate*grad/2")
    (setting,) = compare(one, other, {}, {}).settings
    assert setting.why == "no proof was found, and all runs agree"
