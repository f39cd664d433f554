"""The table of functions in the documentation is that of the registry."""

from __future__ import annotations

import re
from pathlib import Path

from optgen.compiler.ir.functions import FUNCTIONS, REGISTRY

PAGE = Path(__file__).parents[2] / "docs" / "language.md"
ROW = re.compile(r"^\| `(\w+)\((.*?)\)` \| (.*) \| (?:`\w+ (>=? 0)`|everywhere) \|$", re.MULTILINE)


def test_each_function_has_its_row() -> None:
    found = ROW.findall(PAGE.read_text(encoding="utf-8"))
    listed = [REGISTRY[name] for name in FUNCTIONS]
    assert found == [(f.name, ", ".join(f.arguments), f.doc, f.domain) for f in listed]


def test_the_stated_errors_are_those_of_entries() -> None:
    text = PAGE.read_text(encoding="utf-8").replace("\n", " ")
    stated = re.findall(
        r"([\d.]+)(?: units in the last place at most)? for `(\w+)` and `(\w+)`", text
    )
    told = {name: float(most) for most, *names in stated for name in names}
    every = {f.name: float(f.errors.cpu) for f in map(REGISTRY.__getitem__, FUNCTIONS)}
    assert told == {name: most for name, most in every.items() if most > 0.5}
