"""The results of contests as tables, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from optgen.comparison.contest import Contest, Entry, Terms
from optgen.comparison.notes import notes
from optgen.comparison.training import Run


def table(contest: Contest) -> Table:
    """A row for each rule, the best first."""
    made = Table(
        box=SIMPLE_HEAD,
        title=f"{contest.task.name}: {contest.task.measure}; {contest.steps} steps",
        title_justify="left",
        title_style="bold",
    )
    made.add_column("place", justify="right")
    made.add_column("rule", overflow="fold")
    for heading in ("rate", "median", "quartiles"):
        made.add_column(heading, justify="right")
    for entry in contest.entries:
        first, third = entry.quartiles
        rate = "" if entry.rate is None else f"{entry.rate:.2g}{'*' if entry.at_edge else ''}"
        spread = f"{_shown(first)} to {_shown(third)}"
        made.add_row(str(entry.place), entry.title, rate, _shown(entry.median), spread)
    return made


def _shown(loss: float) -> str:
    return f"{loss:.4g}" if math.isfinite(loss) else "diverged"


def page(contests: Sequence[Contest], terms: Terms) -> dict[str, Any]:
    """All that was measured, for JSON, in which null is a loss that isn't finite."""
    return {
        "trials": terms.search.trials,
        "search": terms.search.method.value,
        "seeds": terms.seeds,
        "tasks": [
            {
                "name": contest.task.name,
                "measure": contest.task.measure,
                "steps": contest.steps,
                "rules": [_entry(entry) for entry in contest.entries],
            }
            for contest in contests
        ],
        "notes": list(notes(contests, terms)),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "rule": entry.title,
        "place": entry.place,
        "rate": entry.rate,
        "at_edge": entry.at_edge,
        "median": _number(entry.median),
        "quartiles": [_number(loss) for loss in entry.quartiles],
        "trials": [_run(run) for run in entry.trials],
        "runs": [_run(run) for run in entry.runs],
    }


def _run(run: Run) -> dict[str, Any]:
    losses = [_number(loss) for loss in run.losses]
    return {"seed": run.seed, "rate": run.rate, "steps": list(run.steps), "losses": losses}


def _number(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None
