"""Files that the documentation names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS = ("optgen", "specs", "templates", "generated", "tests", "benchmarks", "examples", "docs")
FILES = [
    f"/{path.relative_to(ROOT).as_posix()}" for name in FOLDERS for path in (ROOT / name).rglob("*")
]
NAMED = re.compile(r"`([\w./-]+\.(?:py|j2))`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = [
        name
        for name in NAMED.findall(text)
        if not any(path.endswith(f"/{name.strip('/')}") for path in FILES)
    ]
    assert not missing
