"""Help, the version and completion import nothing that takes long."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from optgen.cli import app

SLOW = ("sympy", "numba", "numpy", "jinja2", "matplotlib", "torch", "keras", "rich.markdown")
RUN = f"""
import sys
from optgen.cli import app
try:
    app(sys.argv[1:])
finally:
    print([name for name in {SLOW} if name in sys.modules])
"""


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["check", "--help"], ["bench", "-h"]], ids=str
)
def test_help_imports_nothing_slow(arguments: list[str]) -> None:
    command = [sys.executable, "-c", RUN, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("typed", "fits"),
    [
        ("check torchadam", {"torchadam", "torchadamax", "torchadamw"}),
        ("show clip", {"clipnorm", "clipvalue", "clip_update"}),
        ("plot cos", {"cosinedecay", "cosinedecayrestarts"}),
        ("diff rms", {"rmsprop", "rmsproptf"}),
        ("explain --format m", {"markdown"}),
        ("che", {"check"}),
    ],
)
def test_the_shell_completes_names(typed: str, fits: set[str]) -> None:
    words = f"optgen {typed}"
    environment = {
        "_OPTGEN_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    result = CliRunner().invoke(app, [], prog_name="optgen", env=environment)
    assert set(result.stdout.split()) == fits


def test_a_mistyped_command_has_a_suggestion() -> None:
    result = CliRunner().invoke(app, ["chek"])
    assert result.exit_code == 2
    assert "'check'" in result.output
