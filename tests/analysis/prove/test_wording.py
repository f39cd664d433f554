"""A warning says what is wrong: it has words of its own, and doesn't negate what should be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from optgen.analysis.prove import prove
from optgen.compiler.ir.proof import WARNED, Finding, Group, Verdict
from optgen.compiler.pipeline import load_file
from optgen.compiler.read.parse import parse

PLANTED = sorted((Path(__file__).parent / "planted").glob("*.toml"))[::4]


def warnings(path: Path) -> Iterator[Finding]:
    for finding in prove(parse(load_file(path))):
        if finding.group in WARNED and finding.verdict is Verdict.REFUTED:
            yield finding


@pytest.mark.parametrize("path", PLANTED, ids=lambda path: path.stem)
def test_each_warning_has_words_for_what_is_wrong(path: Path) -> None:
    for finding in warnings(path):
        assert finding.fault
        assert finding.headline == finding.fault != finding.statement
        assert "not so" not in finding.headline
        if finding.group is Group.BEHAVIOUR:
            assert finding.headline.startswith("in runs ")
