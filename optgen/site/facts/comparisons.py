"""The comparison of two rules for a page."""

from __future__ import annotations

from pathlib import Path

from optgen.analysis.reports import comparison
from optgen.cli.comparison_report import comparison_report
from optgen.compiler.pipeline import Surroundings, load_all
from optgen.site.facts.records import PairFacts

_VERDICTS = {True: "equal", None: "undecided", False: "different"}


def compared(files: tuple[Path, ...], around: Surroundings) -> PairFacts:
    """Compare two rules with their default values."""
    one, other = load_all(files)
    found = comparison(one, other, {}, {}, around)
    lines = comparison_report(one.name.value, other.name.value, found)
    return {"verdict": _VERDICTS[found.equal], "lines": [*lines]}
