"""``optgen compare``: its reports, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from optgen.cli import app
from optgen.comparison.battery import CRITERIA

QUICK = ("--trials", "3", "--seeds", "2", "--budget", "30")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["compare", *arguments])


def test_the_report_is_the_same_every_time(tmp_path: Path) -> None:
    picture = tmp_path / "curves.png"
    rules = ("sgd", "torch.SGD")
    first = run(*rules, "--on", "digits,factorization", *QUICK, "--format", "json")
    drawn = ("--format", "json", "--chart", str(picture))
    again = run(*rules, "--on", "digits,factorization", *QUICK, *drawn)
    assert first.exit_code == again.exit_code == 0, first.output
    assert first.stdout == again.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")
    page = json.loads(first.stdout)
    assert [task["name"] for task in page["tasks"]] == ["digits", "factorization"]
    for task in page["tasks"]:
        assert task["steps"] == 30
        assert {rule["rule"] for rule in task["rules"]} == {*rules}
        for rule in task["rules"]:
            assert (len(rule["trials"]), len(rule["runs"])) == (3, 2)
            assert rule["median"] == pytest.approx(sum(r["losses"][-1] for r in rule["runs"]) / 2)


def test_the_table_names_ties_and_edges() -> None:
    rates = ("--rates", "1e-9:1e-8")
    result = run("sgd", "torch.SGD", "--on", "regression", *QUICK, *rates)
    assert result.exit_code == 0, result.output
    assert "1e-08*" in result.stdout
    assert "regression: a tie, as ranges overlap" in result.stdout
    assert "at an end of what was tried for" in result.stdout
    assert "little about large models" in result.stdout


def test_the_battery_states_its_criteria() -> None:
    result = run("torch.SGD(lr=1)", "--battery")
    assert result.exit_code == 0, result.output
    assert all(f"- {criterion}" in result.stdout for criterion in CRITERIA)
    assert "torch.SGD" in result.stdout
    assert result.stdout.count("FAIL") > 2  # The scales: no rate is right for all; and the legend.


def test_verdicts_as_json() -> None:
    result = run("torch.SGD(lr=0.1)", "--battery", "--format", "json")
    (rule,) = json.loads(result.stdout)["rules"]
    passed = {verdict["name"]: verdict["passed"] for verdict in rule["verdicts"]}
    assert passed["noise"]
    assert not passed["loss_scale"]
    assert not passed["parameter_scale"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nosuch",), "nosuch is no file, folder or built-in spec"),
        (("sgd", "sgd"), "sgd is named twice"),
        (("cosinedecay",), "cosinedecay is no optimizer"),
        (("sgd", "--on", "poems"), "there is no task 'poems'"),
        (("sgd", "--rates", "1:0.1"), "two numbers above 0 in order"),
        (("sgd", "--rates", "fast"), "LOW:HIGH"),
        (("sgd", "--battery", "--chart", "x.png"), "the battery has no chart"),
        (("sgd", "--chart", "x.nonsense"), "should end in .png"),
    ],
    ids=str,
)
def test_what_is_refused(arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert not result.stdout


def test_a_rule_of_ones_own(tmp_path: Path) -> None:
    spec = tmp_path / "half.toml"
    spec.write_text(
        'name = "Half"\n[hyperparameters]\nlearning_rate = { default = 0.1 }\n'
        "[inputs]\nnoise = {}\n"
        '[update]\nrule = "change = learning_rate*(grad + noise)/2"\n'
    )
    result = run(str(spec), "--on", "factorization", *QUICK)
    assert result.exit_code == 2
    assert "needs noise in every step, which no task has" in result.stderr
    spec.write_text("nonsense")
    assert run(str(spec), "--on", "factorization", *QUICK).exit_code == 1
