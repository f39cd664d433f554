"""The verdicts of the battery as a table, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from optgen.comparison.battery import CRITERIA, Examination, Verdict

#: What the battery can't tell.
NOTES = (
    "A rule that fails may do so by design; what a test isn't about may matter more.",
    "Where the best rate is an end of those tried (*), another range may pass (--rates LOW:HIGH).",
)


def table(examinations: Sequence[Examination]) -> Table:
    """A row for each rule, a column for each criterion."""
    made = Table(box=SIMPLE_HEAD)
    made.add_column("rule", overflow="fold")
    for criterion in CRITERIA:
        made.add_column(criterion.name.replace("_", "\n"), vertical="bottom")
    for one in examinations:
        made.add_row(one.title, *map(_cell, one.verdicts))
    return made


def _cell(verdict: Verdict) -> Text:
    if verdict.passed:
        return Text(f"{verdict.passing}/{verdict.tried}", "green")
    return Text(f"FAIL\n{verdict.score:.2g}{'*' if verdict.at_edge else ''}", "bold red")


def page(examinations: Sequence[Examination]) -> dict[str, Any]:
    """All verdicts, for JSON; null is a score that isn't finite."""
    return {
        "criteria": [
            {"name": one.name, "criterion": str(one), "limit": one.limit, "steps": one.steps}
            for one in CRITERIA
        ],
        "rules": [
            {"rule": one.title, "verdicts": [_verdict(verdict) for verdict in one.verdicts]}
            for one in examinations
        ],
        "notes": list(NOTES),
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.criterion.name,
        "passed": verdict.passed,
        "score": verdict.score if math.isfinite(verdict.score) else None,
        "rate": verdict.rate,
        "at_edge": verdict.at_edge,
        "passing": verdict.passing,
        "tried": verdict.tried,
    }
