"""One script measures every figure that the documentation has a command for."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.numeric.specs import SPECS

ROOT = SPECS.parent
SCRIPT = ROOT / "benchmarks" / "figures.py"


def printed(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_every_script_of_the_page_is_a_section() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    scripts = {*re.findall(r"`python (benchmarks/\w+\.py)`", page)} - {"benchmarks/figures.py"}
    assert scripts
    listed = printed("--list").stdout
    assert not [path for path in sorted(scripts) if f"`python {path}`" not in listed]
    for command in re.findall(r"`python -m optgen (.+)`", listed):
        assert command.startswith("bench ")


def test_lines_are_counted() -> None:
    done = printed("lines")
    assert done.returncode == 0
    counts = dict(re.findall(r"(\w+) (\d+)", done.stdout))
    files = [
        ROOT / "generated" / folder / "sgd.py" for folder in ("", "cpu", "cuda", "jax", "keras")
    ]
    assert int(counts["sgd"]) == sum(path.read_text().count("\n") for path in files)


def test_an_unknown_section() -> None:
    done = printed("nothing")
    assert done.returncode == 2
    assert "there is no section 'nothing'; there are steps, steps_gpt2_small, " in done.stderr
