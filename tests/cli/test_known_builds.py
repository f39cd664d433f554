"""Builds that change nothing are known; whatever a build reads or writes makes them unknown."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from optgen.cli import app, known_builds
from optgen.compiler import build

FOLDERS = ("package", "specs", "templates", "generated")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one file in each folder, and a cache of its own."""
    for name in FOLDERS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.txt").write_text("1")
    monkeypatch.setenv("OPTGEN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(known_builds, "PACKAGE", tmp_path / "package")
    monkeypatch.setattr(known_builds, "data_folder", lambda name: tmp_path / name)
    monkeypatch.setattr(known_builds, "generated_folder", lambda: tmp_path / "generated")
    return tmp_path


def remembered(*statuses: str) -> tuple[str, ...]:
    report = known_builds.Recorded(build.Silent())
    for number, status in enumerate(statuses):
        report.done(f"Rule{number}", status)
    report.remember()
    return tuple(known_builds.known())


def test_names_are_known_in_order_once_all_is_settled(folders: Path) -> None:
    assert known_builds.known() == ()
    assert remembered("current", "stale") == ()
    assert remembered("built", "kept, since its module was edited") == ()
    assert remembered("built", "current", "unchanged") == ("Rule0", "Rule1", "Rule2")


@pytest.mark.parametrize("name", FOLDERS)
def test_a_change_makes_them_unknown(folders: Path, name: str) -> None:
    assert remembered("current")
    file = folders / name / "one.txt"
    file.write_text("2")
    assert not known_builds.known()
    file.write_text("1")
    assert known_builds.known()
    file.rename(folders / name / "other.txt")
    assert not known_builds.known()


def test_compiled_files_make_no_difference_and_damaged_ones_are_unknown(folders: Path) -> None:
    assert remembered("current")
    (folders / "package" / "__pycache__").mkdir()
    (folders / "package" / "__pycache__" / "one.pyc").write_text("1")
    assert known_builds.known()
    (file,) = (folders / "cache" / "builds").iterdir()
    file.write_text("[")
    assert not known_builds.known()


def test_the_command_compiles_nothing_that_is_known(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert remembered("current", "current")

    def fail(found: object, making: object) -> None:
        raise FileNotFoundError("it compiles")

    monkeypatch.setattr(build, "prepare", fail)
    result = CliRunner().invoke(app, ["build", "--check"])
    assert (result.exit_code, result.output) == (0, "Rule0: current\nRule1: current\n")
    for arguments in (["--force"], ["--out", str(folders / "out")]):
        assert "it compiles" in CliRunner().invoke(app, ["build", *arguments]).output
