"""Whatever the compiler raises, a command ends with a message and the status for that."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from optgen.cli import app, console, optimizer_report

GOOD = """name = "Plain"
summary = "Plain steps."

[update]
rule = "param = param - learning_rate*grad"
"""


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "plain.toml"
    path.write_text(GOOD)
    return str(path)


@pytest.mark.parametrize(
    ("command", "stage"),
    [
        (["explain"], "optgen.cli.optimizer_report.stabilities"),
        (["show"], "optgen.cli.commands.show.plan_of"),
        (["diff", "sgd"], "optgen.cli.commands.diff.comparison"),
        (["build"], "optgen.compiler.build.emit_package"),
        (["check"], "optgen.cli.commands.check.read_project"),
    ],
    ids=lambda one: one[0] if isinstance(one, list) else "",
)
@pytest.mark.parametrize("error", [LookupError, ValueError, RecursionError])
def test_an_exception_is_an_internal_error(
    command: list[str],
    stage: str,
    error: type[Exception],
    spec: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error("planted")

    monkeypatch.setattr(stage, fails)
    out = ["--out", str(tmp_path / "made")] if command == ["build"] else []
    result = CliRunner().invoke(app, [*command, spec, *out])
    assert result.exit_code == console.FAILED
    assert f"internal error: {error.__name__}: planted" in result.stderr
    assert "Traceback" not in result.output


def test_a_wrong_wish_is_no_internal_error(spec: str) -> None:
    result = CliRunner().invoke(app, ["explain", spec, "--with", "nothing"])
    assert result.exit_code == console.USAGE
    assert "nothing is switched on by 'nothing'" in result.stderr


def test_an_internal_error_of_one_spec_is_placed_there(
    spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimizer_report, "costs", lambda *_: 1 / 0)
    result = CliRunner().invoke(app, ["explain", spec])
    assert "plain.toml:1:9: internal error: ZeroDivisionError" in result.stderr


@pytest.mark.parametrize(
    ("command", "stage"),
    [
        (["new", "Fresh"], "optgen.cli.commands.new.read_templates"),
        (["plot", "cosinedecay"], "optgen.cli.commands.plot.read_requests"),
        (["demo"], "optgen.cli.commands.demo.chart.check"),
        (["bench", "sgd"], "optgen.cli.commands.bench.read"),
    ],
    ids=lambda one: one[0] if isinstance(one, list) else "",
)
def test_so_it_is_in_commands_without_a_spec(
    command: list[str], stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise LookupError("planted")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stage, fails)
    result = CliRunner().invoke(app, command)
    assert result.exit_code == console.FAILED
    assert "internal error: LookupError: planted" in result.stderr
