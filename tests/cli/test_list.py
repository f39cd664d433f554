"""``optgen list``."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from optgen.cli import app

SPECS = Path(__file__).parents[2] / "specs"


def rows(*arguments: str) -> list[list[str]]:
    done = CliRunner().invoke(app, ["list", *arguments])
    assert done.exit_code == 0, done.output
    return [line.split("\t") for line in done.stdout.splitlines()]


def listed(*arguments: str) -> list[str]:
    return [row[0] for row in rows(*arguments)]


def in_folder(name: str) -> set[str]:
    files = (SPECS / "optimizers" / name).glob("*.toml")
    return {tomllib.loads(file.read_text(encoding="utf-8"))["name"] for file in files}


def test_a_family_is_a_folder() -> None:
    assert {*listed("--family", "sign")} == in_folder("sign")


def test_patterns_are_for_specs_of_all_kinds() -> None:
    assert listed("--filter", "CLIP*") == ["clipnorm", "clipvalue", "clip_update"]
    assert listed("--filter", "nothing") == []
    assert {*listed("--filter", "lion", "--filter", "tiger")} >= {"Lion", "Tiger"}


def test_few_states() -> None:
    found = {*listed("--family", "sign", "--memory", "0")}
    assert found < in_folder("sign")
    assert "SignSGD" in found
    assert "Lion" not in found


def test_aliases_are_narrowed_alike() -> None:
    found = listed("--family", "sign", "--aliases")
    assert "clion" in found
    assert "cadamw" not in found


def test_an_unknown_family() -> None:
    done = CliRunner().invoke(app, ["list", "--family", "sgin"])
    assert done.exit_code == 2
    assert "no family 'sgin'; did you mean 'sign'?" in done.output


@pytest.mark.parametrize("arguments", [["--help"], ["--family", "sign"]], ids=str)
def test_kernels_are_not_imported(arguments: list[str]) -> None:
    program = (
        "import sys; from optgen.cli import app\ntry: app()\nfinally: print('numba' in sys.modules)"
    )
    command = [sys.executable, "-c", program, "list", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_a_default_that_another_one_stands_for_is_not_listed() -> None:
    """Tiger extends Signum, whose learning rate is 0.0001."""
    (row,) = rows("--filter", "tiger")
    assert row[2] == "learning_rate=0.001, momentum=0.965, weight_decay=0.01"


def test_a_pattern_that_nothing_fits() -> None:
    done = CliRunner().invoke(app, ["list", "--filter", "qwertz"])
    assert done.exit_code == 0
    assert not done.stdout
    assert "nothing fits" in done.stderr
