"""``optgen show`` on every stage, and ``optgen list``."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from optgen.cli import app

ROOT = Path(__file__).parent.parent.parent
OPTIMIZERS = sorted(path.stem for path in (ROOT / "specs" / "optimizers").rglob("*.toml"))


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_spec_shows_what_was_said_and_where() -> None:
    page = run("show", "rmsprop", "--stage", "spec")
    assert "specs/optimizers/adaptive_rate/rmsprop.toml:" in page
    assert "range 0 <= rho < 1" in page
    assert "  increment = learning_rate*grad/sqrt(denominator)" in page


def test_rule_shows_the_features_in_the_order_of_a_step() -> None:
    page = run("show", "rmsprop", "--stage", "rule")
    order = ["unscale", "accumulate", "clip", "decay", "rmsprop", "average"]
    found = [page.index(f"\n{name}") for name in order if name not in ("clip", "decay")]
    assert found == sorted(found)
    assert "proceed when call % gradient_accumulation_steps == 0" in page


def test_plan_shows_loads_and_stores() -> None:
    page = run("show", "rmsprop")
    assert "    one_minus_rho = 1 - rho" in page
    assert "    load momentum_buffer   when momentum_gt_0" in page
    assert "    store param" in page


# `optgen build --check`, which runs before the tests, compares all of them.
@pytest.mark.parametrize("name", OPTIMIZERS[::10])
def test_source_is_what_is_committed(name: str) -> None:
    page = run("show", name, "--stage", "source", "--target", "cpu")
    assert page == (ROOT / "generated" / "cpu" / f"{name}.py").read_text(encoding="utf-8")


def test_features_have_a_rule() -> None:
    assert "average in slot average" in run("show", "average", "--stage", "rule")


def test_an_unknown_name_is_a_usage_error() -> None:
    result = CliRunner().invoke(app, ["show", "rmsprob"])
    assert result.exit_code == 2
    assert "rmsprob" in result.stderr


def test_list_names_every_spec() -> None:
    page = run("list")
    for path in (
        p
        for folder in ("optimizers", "features", "schedules")
        for p in (ROOT / "specs" / folder).rglob("*.toml")
        if p.parent.name != "optional"
    ):
        assert path.stem in page.lower()


@pytest.mark.parametrize("command", ["explain", "show --stage=rule"])
def test_draws_have_no_number(command: str) -> None:
    assert "sqrt(learning_rate*temperature)*normal()\n" in run(*command.split(), "sgld")
