"""Every example of the documentation is run, in one empty folder for each page.

A comment before a block is its kind: ``<!-- file: PATH -->`` writes it to a file,
``<!-- run -->`` runs it, ``<!-- prints -->`` is part of the output of the last run, and
``<!-- excerpt: PATH -->`` has lines of a file in order, with ``...`` where some are left out.

The kernels of the README's examples are compiled. Python runs those of one other page; the marker
``full`` has all pages with compiled kernels.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.docs.forks import COMPILED, client

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"
PAGES = sorted([README, *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(
    r"<!-- (run|prints|file|excerpt)(?:: (\S+))? -->\n```(\w*)\n(.*?)```\n", re.DOTALL
)
MARKER = re.compile(r"^<!-- (?:run|prints|file|excerpt)\b", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
PROGRAM = "run-program"
WITH_BLOCKS = [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]
OTHERS = [page for page in WITH_BLOCKS if page != README]
#: The page that users of an optimizer read first.
FIRST = [ROOT / "docs" / "using.md"]


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the commands ``optgen`` and ``run-program``, which import nothing."""
    folder = tmp_path_factory.mktemp("commands")
    with client("command", folder / "optgen"), client("program", folder / PROGRAM):
        yield folder


def test_examples_of_the_readme_run(tmp_path: Path, commands: Path) -> None:
    _run_examples(README, tmp_path, commands, {COMPILED: "1"})


@pytest.mark.parametrize("page", FIRST, ids=lambda page: page.stem)
def test_examples_run(page: Path, tmp_path: Path, commands: Path) -> None:
    _run_examples(page, tmp_path, commands, {})


@pytest.mark.full
@pytest.mark.parametrize("page", OTHERS, ids=lambda page: page.stem)
def test_examples_run_with_compiled_kernels(page: Path, tmp_path: Path, commands: Path) -> None:
    _run_examples(page, tmp_path, commands, {COMPILED: "1"})


def _run_examples(page: Path, tmp_path: Path, commands: Path, more: dict[str, str]) -> None:
    folders = (str(commands), str(Path(sys.executable).parent), os.environ["PATH"])
    path = os.pathsep.join(folders)
    cache = str(tmp_path / "cache")
    environment = {**os.environ, "PATH": path, "OPTGEN_CACHE_DIR": cache, **more}
    output = ""
    for kind, file, language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        match kind:
            case "file":
                (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / file).write_text(text)
            case "run":
                output = _output(language, text, tmp_path, environment)
            case "prints":
                assert text in output
            case "excerpt":
                _assert_excerpt(text, (tmp_path / file).read_text(encoding="utf-8"))


def _output(language: str, text: str, folder: Path, environment: Mapping[str, str]) -> str:
    commands = Path(environment["PATH"].split(os.pathsep)[0])
    command = {"python": [str(commands / PROGRAM), text], "sh": ["sh", "-ec", text]}[language]
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    output = result.stdout + result.stderr
    assert result.returncode == 0, output
    return output


def _assert_excerpt(text: str, whole: str) -> None:
    """Each line follows the one before; dots stand for any number of lines."""
    lines = [line.strip() for line in whole.splitlines()]
    place, gap = 0, True
    for line in filter(None, map(str.strip, text.splitlines())):
        if line == "...":
            gap = True
            continue
        found = lines.index(line, place)
        assert gap or found == place, line
        place, gap = found + 1, False


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: page.stem)
def test_no_marker_is_without_a_block(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(MARKER.findall(text)) == len(BLOCK.findall(text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


def test_an_excerpt_follows_its_file() -> None:
    whole = "a\n  b\nc\nd\n"
    _assert_excerpt("a\nb\n...\nd\n", whole)
    for wrong in ("a\nc\n", "b\na\n", "a\n...\ne\n"):
        with pytest.raises((AssertionError, ValueError)):
            _assert_excerpt(wrong, whole)


def test_the_error_shown_in_the_readme_is_what_optgen_says(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (spec,) = (b[3] for b in BLOCK.findall(text) if b[1] == "specs/adagrad.toml")
    shown = text.split("A mistake is shown where it is:\n\n```\n")[1].split("```")[0]
    (tmp_path / "specs").mkdir()
    wrong = spec.replace("accumulator = accumulator +", "acumulator = accumulator +")
    (tmp_path / "specs" / "adagrad.toml").write_text(wrong)
    command = [sys.executable, "-m", "optgen", "check", "specs"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert shown in result.stderr
