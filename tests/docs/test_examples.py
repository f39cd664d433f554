"""Every example of the documentation is run as it stands.

``<!-- file: PATH -->`` before a block writes it to a file, ``<!-- run -->`` runs it, in one empty
folder for each page.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"<!-- (run|file: (\S+)) -->\n```(\w+)\n(.*?)```\n", re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
WITH_BLOCKS = [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: page.stem)
def test_examples_run(page: Path, tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "OPTGEN_CACHE_DIR": str(tmp_path / "cache")}
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        _, file, language, text = block.groups()
        if file:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(text)
            continue
        command = {"python": [sys.executable, "-c", text], "sh": ["sh", "-ec", text]}[language]
        result = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


def test_the_error_shown_in_the_readme_is_what_optgen_says(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (spec,) = (b[4] for b in BLOCK.finditer(text) if b[2] == "specs/adagrad.toml")
    shown = text.split("A mistake is shown where it is:\n\n```\n")[1].split("```")[0]
    (tmp_path / "specs").mkdir()
    wrong = spec.replace("accumulator = accumulator +", "acumulator = accumulator +")
    (tmp_path / "specs" / "adagrad.toml").write_text(wrong)
    command = [sys.executable, "-m", "optgen", "check", "specs"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert shown in result.stderr
