"""Specs with a mistake in them: what is said of it, and where the caret stands."""

from __future__ import annotations

from pathlib import Path

from optgen.compiler.ir.problem import Problem, SpecError
from optgen.compiler.pipeline import checked_rule
from optgen.compiler.read.load import load


def problems(folder: Path, text: str) -> tuple[Problem, ...]:
    """What is wrong with the text of a spec."""
    path = folder / "example.toml"
    path.write_text(text, encoding="utf-8")
    try:
        checked_rule(load(path))
    except SpecError as error:
        return error.problems
    return ()


def assert_told(folder: Path, text: str, message: str, under: str) -> None:
    """Something with this message is said, with a caret under this part of the text."""
    found = problems(folder, text)
    assert found
    first = found[0] if not message else next(p for p in found if message in str(p))
    row = text.split("\n")[first.location.line - 1]
    assert row[first.location.column - 1 :].startswith(under), str(first)
    printed = str(first).split("\n")
    assert printed[0].startswith(f"{folder.as_posix()}/example.toml:{first.location.line}:")
    caret = next(line for line in printed if line.strip().startswith("^"))
    assert caret.index("^") == 4 + first.location.column - 1
