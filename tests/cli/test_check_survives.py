"""``optgen check`` whatever it meets: every file is told of, JSON is JSON, and the status fits."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from optgen.analysis import prove, reports
from optgen.cli import app, console, worker_processes
from optgen.cli.commands.check import Wishes
from optgen.cli.commands.check import check as check_paths
from optgen.compiler import pipeline
from optgen.compiler.ir.problem import INTERNAL, SpecError
from optgen.compiler.ir.proof import Finding, Group
from optgen.compiler.ir.rule import Rule
from optgen.compiler.pipeline import load_all

GOOD = '''name = "{name}"
summary = "Plain steps."

[update]
rule = """
param = param - learning_rate*{step}
"""
'''


def check(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


@pytest.fixture(autouse=True)
def without_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is planted here isn't there in other processes, unless they are forked."""

    def refuse() -> None:
        raise PermissionError

    monkeypatch.setattr(worker_processes, "_context", refuse)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, step in (("First", "grad"), ("Second", "sign(grad)"), ("Third", "grad/2")):
        (tmp_path / f"{name.lower()}.toml").write_text(GOOD.format(name=name, step=step))
    return tmp_path


def fails_for(name: str, original: Any) -> Any:
    def planted(*arguments: Any) -> Any:
        if any(getattr(one, "name", None) == name for one in arguments):
            raise LookupError("planted\nin a stage")
        return original(*arguments)

    return planted


@pytest.fixture(params=[(reports, "prove"), (pipeline, "make_plan"), (pipeline, "check")])
def crashing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A mistake in one stage that shows at the second spec only."""
    module, stage = request.param
    monkeypatch.setattr(module, stage, fails_for("Second", getattr(module, stage)))
    return str(stage)


@pytest.mark.usefixtures("crashing")
def test_a_crash_is_named_and_the_other_files_are_checked(folder: Path) -> None:
    result = check(folder)
    assert result.exit_code == console.FAILED == 3
    assert "second.toml:1:9: internal error: LookupError: planted in a stage" in result.stderr
    assert "report it" in result.stderr
    assert "Traceback" not in result.output
    assert console.TRACEBACK in result.stderr
    assert "first.toml" not in result.stderr
    assert result.stdout.startswith("3 specs; of ")


@pytest.mark.usefixtures("crashing")
def test_a_crash_is_in_the_json_with_what_was_found_of_the_others(folder: Path) -> None:
    result = check(folder, "--json")
    assert result.exit_code == 3
    page = json.loads(result.stdout)
    assert [(p["severity"], Path(p["path"]).name) for p in page["problems"]] == [
        (INTERNAL, "second.toml")
    ]
    assert "LookupError" in page["problems"][0]["traceback"]
    found = {spec["name"]: spec["findings"] for spec in page["specs"]}
    assert found.keys() == {"First", "Second", "Third"}
    assert found["First"]
    assert found["Third"]


@pytest.mark.usefixtures("crashing")
def test_the_traceback_is_shown_where_it_is_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(console.TRACEBACK, "1")
    assert "Traceback (most recent call last)" in check(folder).stderr


def test_an_analysis_that_fails_is_named_and_the_others_are_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Iterator[None]:
        raise RecursionError("planted")

    monkeypatch.setattr(prove, "descent", fails)
    result = check(folder / "first.toml", "--json")
    assert result.exit_code == 3
    page = json.loads(result.stdout)
    (problem,) = page["problems"]
    assert problem["message"] == "descent: the analysis failed: RecursionError"
    assert {f["group"] for f in page["specs"][0]["findings"]} >= {"oddness", "degree", "size"}


@pytest.mark.parametrize(
    "content",
    [b"name = ", b"\xff\xfe", b"\x00", b'name = "A"\nname = "B"', b"a = " + b"[" * 5000, b""],
    ids=["cut off", "no utf-8", "nul", "twice", "nested", "empty"],
)
def test_broken_files_leave_valid_json_and_the_others(folder: Path, content: bytes) -> None:
    (folder / "second.toml").write_bytes(content)
    result = check(folder, "--json")
    assert result.exit_code == 1
    page = json.loads(result.stdout)
    assert {Path(problem["path"]).name for problem in page["problems"]} == {"second.toml"}
    assert [spec["name"] for spec in page["specs"]] == ["First", "Third"]


@pytest.mark.parametrize("name", ["nowhere.toml", "x" * 5000, "a\0b", "line\nbreak", "\udcff"])
def test_a_missing_file_leaves_valid_json(name: str) -> None:
    result = check(name, "--json")
    assert result.exit_code == 2
    (problem,) = json.loads(result.stdout)["problems"]
    assert problem["severity"] == "usage"
    result = check(name)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")


def test_a_spec_that_takes_too_long_is_ended_and_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()

    def hangs(rule: Rule, *groups: frozenset[Group]) -> tuple[Finding, ...]:
        if rule.name == "Second":
            # The end of what it may take, to which nothing else comes near.
            signal.setitimer(signal.ITIMER_PROF, 0.1)
        while rule.name == "Second":
            pass
        return prove.prove(rule, *groups)

    monkeypatch.setattr(reports, "prove", hangs)
    monkeypatch.setattr(worker_processes, "_context", lambda: get_context("fork"))
    result = check(folder, "--json")
    assert result.exit_code == 3
    page = json.loads(result.stdout)
    (problem,) = page["problems"]
    assert Path(problem["path"]).name == "second.toml"
    assert "its process took more than 60 seconds of CPU time" in problem["message"]
    assert all(spec["findings"] for spec in page["specs"] if spec["name"] != "Second")


def test_a_crash_before_any_spec_is_json_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise LookupError("planted")

    monkeypatch.setattr("optgen.cli.commands.check.read_project", fails)
    result = check("sgd", "--json")
    assert result.exit_code == 3
    assert "planted" in json.loads(result.stdout)["problems"][0]["message"]
    assert check_paths(["sgd"], Wishes()) == 3


def test_the_problems_of_a_library_call_can_be_caught(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "load", fails_for("", lambda *_: 1 / 0))
    with pytest.raises(SpecError, match="ZeroDivisionError"):
        load_all([folder / "first.toml"])
