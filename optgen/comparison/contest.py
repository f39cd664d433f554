"""A contest on one task: each rule's rate is searched for with one seed, and judged with others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import comb

import numpy as np

from optgen.comparison.contestants import Contestant
from optgen.comparison.search import Search
from optgen.comparison.tasks.task import Task
from optgen.comparison.training import Run, train

#: The seed of the search; those of the runs that count come after it, so that a rate that was
#: lucky in the search gains nothing.
SEARCH_SEED = 0


@dataclass(frozen=True)
class Terms:
    """What all rules get: a search, so many seeds, and gradients for each run."""

    search: Search = field(default_factory=Search)
    seeds: int = 3
    #: Steps of a run, in place of the task's.
    budget: int | None = None

    @property
    def chance(self) -> float:
        """How often equal rules have runs that don't overlap: all of one below all of the other."""
        return 2 / comb(2 * self.seeds, self.seeds)


@dataclass(frozen=True)
class Entry:
    """A rule on a task: the trials of its search, and the runs at the rate that was the best.

    ``place`` is 1 for the best median, or as many as do better without a tie, plus 1.
    """

    title: str
    trials: tuple[Run, ...]
    runs: tuple[Run, ...]
    place: int = 0

    @property
    def rate(self) -> float | None:
        """The rate of the runs."""
        return self.runs[0].rate

    @property
    def at_edge(self) -> bool:
        """Whether the rate is an end of those tried, so that a better one may be beyond."""
        tried = [trial.rate for trial in self.trials]
        return len(tried) > 1 and self.rate in (tried[0], tried[-1])

    @property
    def finals(self) -> tuple[float, ...]:
        """The last losses, in order."""
        return tuple(sorted(run.final for run in self.runs))

    @property
    def median(self) -> float:
        """The median of the last losses."""
        return self._quantile(0.5)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The quartiles of the last losses."""
        return self._quantile(0.25), self._quantile(0.75)

    def _quantile(self, part: float) -> float:
        finals = np.array(self.finals)
        if np.isfinite(finals).all():
            return float(np.quantile(finals, part))
        # Between a number and infinity there is no number.
        return float(np.quantile(finals, part, method="higher"))

    def ties(self, other: Entry) -> bool:
        """Whether the ranges of both overlap."""
        return self.finals[0] <= other.finals[-1] and other.finals[0] <= self.finals[-1]


@dataclass(frozen=True)
class Contest:
    """The entries of a task, the best median first."""

    task: Task
    steps: int
    entries: tuple[Entry, ...]

    @property
    def tied(self) -> tuple[Entry, ...]:
        """The entries that can't be told from the first, without it."""
        first, *others = self.entries
        return tuple(entry for entry in others if entry.place == first.place)


def hold(
    task: Task, contestants: Sequence[Contestant], terms: Terms, report: Callable[[Run], None]
) -> Contest:
    """Search and judge each rule. All see the same first parameters and batches of a seed."""
    steps = terms.budget or task.steps
    entries = []
    for contestant in contestants:

        def run(rate: float | None, seed: int, contestant: Contestant = contestant) -> Run:
            done = train(contestant, task, rate, seed, steps)
            report(done)
            return done

        trials = tuple(run(rate, SEARCH_SEED) for rate in terms.search.rates(contestant.rate))
        best = min(trials, key=lambda trial: trial.final).rate
        seeds = range(SEARCH_SEED + 1, SEARCH_SEED + 1 + terms.seeds)
        entries.append(Entry(contestant.title, trials, tuple(run(best, seed) for seed in seeds)))
    return Contest(task, steps, _placed(entries))


def _placed(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Entries in order, each with its place: behind all that are better and don't tie with it."""
    ordered = sorted(entries, key=lambda entry: entry.median)
    return tuple(
        replace(entry, place=1 + sum(not entry.ties(other) for other in ordered[:index]))
        for index, entry in enumerate(ordered)
    )
