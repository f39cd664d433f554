"""``optgen check``: what it says, and with which status it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from optgen.cli import app
from optgen.compiler.ir.proof import ASIDE

RULES = Path(__file__).parents[1] / "analysis" / "prove"
QHADAM = RULES / "planted" / "qhadam_bracket.toml"
NO_ABS = RULES / "planted" / "adamax_no_abs.toml"
LARS, BLOG = RULES / "sound" / "lars.toml", RULES / "planted" / "blog_adadelta.toml"


def check(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((QHADAM,), 1),
        ((NO_ABS,), 0),
        ((NO_ABS, "--strict"), 1),
        ((LARS,), 0),
        ((LARS, "--require-proof"), 1),
        ((LARS, "--strict"), 0),
        (("sgd", "rmsprop", "--strict", "--require-proof"), 0),
    ],
    ids=str,
)
def test_the_status_says_what_was_found(arguments: tuple[object, ...], status: int) -> None:
    assert check(*arguments).exit_code == status


def test_an_error_shows_where_it_is_and_numbers_to_paste() -> None:
    shown = check(QHADAM).output
    assert "qhadam_bracket.toml:15:1: error: refuted: v >= 0 is kept by a step" in shown
    assert "in Python: from math import *; beta_2 = 0.999" in shown
    assert "^" in shown


def test_proofs_are_listed_where_they_are_asked_for() -> None:
    shown = check("rmsprop", "--proofs").output
    assert "average_gradient**2 <= velocity is kept by a step" in shown
    assert "as a polynomial whose factors have known signs" in shown


def test_json_holds_it_all(tmp_path: Path) -> None:
    waiving = tmp_path / "waiving.toml"
    waiving.write_text(BLOG.read_text() + '\n[waive]\ndegree = "it is a blog\'s"\n')
    page = json.loads(check(QHADAM, waiving, "--json").output)
    assert [spec["name"] for spec in page["specs"]] == ["QHAdam", "Zeiler"]
    refuted = [
        finding
        for spec in page["specs"]
        for finding in spec["findings"]
        if finding["verdict"] == "refuted" and finding["group"] not in ASIDE
    ]
    assert {finding["group"] for finding in refuted} >= {"invariant", "domain", "degree"}
    assert [finding["waived"] != "" for finding in refuted].count(True) == 1
    first = refuted[0]
    assert first["numbers"]
    assert first["fails"]


def test_json_holds_mistakes_too(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(QHADAM.read_text().replace("sqrt(", "root("))
    result = check(path, "--json")
    assert result.exit_code == 1
    assert "root" in json.loads(result.stdout)["problems"][0]["message"]


def test_only_properties_that_there_are_can_be_waived(tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(LARS.read_text().replace("[waive]\ndegree", "[waive]\ndegrees"))
    result = check(path)
    assert result.exit_code == 1
    assert "degrees" in result.output
