"""``optgen compare``: rules on small tasks, or through a battery of tests."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from optgen.cli.choices import ReportFormat
from optgen.cli.console import FINE, USAGE, WRONG, complain, ends_well, err, out, print_problems
from optgen.cli.values import named_values
from optgen.comparison import battery_report, chart, report
from optgen.comparison.battery import CRITERIA, Examination, Verdict, examine
from optgen.comparison.contest import Contest, Terms, hold
from optgen.comparison.contestants import Contestant, contestant
from optgen.comparison.notes import notes
from optgen.comparison.search import Method, Search
from optgen.comparison.tasks.registry import USUAL, task_of
from optgen.comparison.tasks.task import Task
from optgen.comparison.training import Run
from optgen.compiler.ir.problem import SpecError, UsageError
from optgen.demo.chart import check
from optgen.demo.optional_packages import MissingExtraError


@dataclass(frozen=True)
class Asked:
    """What is compared, as options say it."""

    rules: Sequence[str]
    on: str = ""
    trials: int = 8
    seeds: int = 3
    budget: int | None = None
    method: str = Method.GRID.value
    rates: str = ""

    def contestants(self) -> list[Contestant]:
        """The rules. Raises UsageError where one is named twice, and what ``contestant`` does."""
        titles = [rule.strip() for rule in self.rules]
        for title in titles:
            if titles.count(title) > 1:
                raise UsageError(f"{title} is named twice")
        return [contestant(title, named_values) for title in titles]

    def tasks(self) -> list[Task]:
        """The tasks, each once. Raises ValueError and ImportError."""
        names = [name.strip() for name in self.on.split(",") if name.strip()] or [*USUAL]
        return [task_of(name) for name in dict.fromkeys(names)]

    def search(self) -> Search:
        """The search. Raises UsageError where rates aren't two numbers in order, above zero."""
        return Search(self.trials, Method(self.method), _limits(self.rates))

    def terms(self) -> Terms:
        """What each rule gets."""
        return Terms(self.search(), self.seeds, self.budget)


def _limits(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    try:
        low, high = map(float, text.split(":"))
    except ValueError:
        low = high = math.nan
    if not 0 < low < high < math.inf:
        message = "--rates takes LOW:HIGH, two numbers above 0 in order, such as 1e-4:0.1"
        raise UsageError(f"{message}, not {text!r}")
    return low, high


@ends_well("optgen compare")
def compare(asked: Asked, style: ReportFormat, picture: Path | None, *, battery: bool) -> int:
    """Compare rules, and print what was found; returns the exit status."""
    try:
        if picture is not None:
            if battery:
                raise UsageError("the battery has no chart; drop --chart or --battery")
            check(picture)
        contestants = asked.contestants()
        if battery:
            _print_battery(_examine(contestants, asked.search()), style)
            return FINE
        contests, terms = _hold(contestants, asked.tasks(), asked.terms()), asked.terms()
    except SpecError as error:
        print_problems(error.problems)
        return WRONG
    except (FileNotFoundError, ImportError, MissingExtraError, ValueError) as error:
        complain(str(error))
        return USAGE
    _print(contests, terms, style)
    return FINE if picture is None else _draw(contests, picture, style)


def _hold(contestants: Sequence[Contestant], tasks: Sequence[Task], terms: Terms) -> list[Contest]:
    runs = sum(len(terms.search.rates(one.rate)) + terms.seeds for one in contestants)
    held = []
    for task in tasks:
        with err.status(task.name) as status:
            done: list[Run] = []

            def report_run(run: Run, name: str = task.name, done: list[Run] = done) -> None:
                done.append(run)
                status.update(f"{name}: {len(done)} of {runs} runs")

            held.append(hold(task, contestants, terms, report_run))
    return held


def _examine(contestants: Sequence[Contestant], search: Search) -> list[Examination]:
    found = []
    for one in contestants:
        with err.status(one.title) as status:

            def report_verdict(verdict: Verdict, title: str = one.title) -> None:
                status.update(f"{title}: {verdict.criterion.name}")

            found.append(examine(one, search, report_verdict))
    return found


def _print(contests: Sequence[Contest], terms: Terms, style: ReportFormat) -> None:
    if style is ReportFormat.JSON:
        _print_json(report.page(contests, terms))
        return
    for contest in contests:
        out.print(report.table(contest), soft_wrap=False)
    if any(entry.at_edge for contest in contests for entry in contest.entries):
        out.print("* the least or the largest rate that was tried\n")
    _print_notes(notes(contests, terms))


def _print_battery(examinations: Sequence[Examination], style: ReportFormat) -> None:
    if style is ReportFormat.JSON:
        _print_json(battery_report.page(examinations))
        return
    out.print(battery_report.table(examinations), soft_wrap=False)
    out.print("3/8: passed at 3 of 8 rates")
    out.print("FAIL 0.3: at the best rate, so much of the first loss was left\n")
    _print_notes((*map(str, CRITERIA), *battery_report.NOTES))


def _print_notes(lines: Sequence[str]) -> None:
    for line in lines:
        out.print(Text(f"- {line}"))


def _print_json(page: dict[str, Any]) -> None:
    print(json.dumps(page, indent=2))


def _draw(contests: Sequence[Contest], picture: Path, style: ReportFormat) -> int:
    try:
        chart.draw(contests, picture)
    except OSError as error:
        complain(f"the picture could not be written: {error}")
        return WRONG
    if style is ReportFormat.TEXT:
        out.print(Text(f"The curves are in {picture}"))
    return FINE
