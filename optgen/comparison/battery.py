"""Tests that a rule passes or fails, each for one property, at the best of the rates tried."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from optgen.comparison.contestants import Contestant
from optgen.comparison.fields import Bowl, Drifting, Field, Noisy, Saddle, Skewed, Sparse
from optgen.comparison.search import Search

#: The last part of a run, whose mean loss counts, and how many losses of it are taken.
END, TAKEN = 0.2, 20
_SCALES = (1e-3, 1.0, 1e3)
_WIDTHS = (1e-2, 1.0, 1e2)


@dataclass(frozen=True)
class Criterion:
    """Runs of one rate, all of which must bring the loss down to ``limit`` of the first one."""

    name: str
    what: str
    limit: float
    steps: int
    fields: tuple[Callable[[], Field], ...]

    def __str__(self) -> str:
        runs = "in each of these runs" if len(self.fields) > 1 else "in this run"
        return (
            f"{self.name}: {self.what}. Passed if, at one of the rates, the mean loss of the last "
            f"{END:.0%} of {self.steps} steps is at most {self.limit:g} of the first loss, {runs}."
        )

    def score(self, contestant: Contestant, rate: float | None) -> float:
        """The largest part of its first loss that a run ends with."""
        return max(self._end(contestant, rate, field()) for field in self.fields)

    def _end(self, contestant: Contestant, rate: float | None, field: Field) -> float:
        started = contestant.start(field.parameters, field.gradients, rate)
        first, ends = field.loss(0), []
        begin, every = round((1 - END) * self.steps), round(END * self.steps / TAKEN)
        with np.errstate(all="ignore"):
            for step in range(self.steps):
                field.backward(step)
                started.step()
                if step >= begin and step % every == 0:
                    with started.evaluating():
                        ends.append(field.loss(step))
        mean = float(np.mean(ends)) / first
        return mean if math.isfinite(mean) else math.inf


CRITERIA = (
    Criterion(
        "saddle",
        "two factors of a matrix begin at 0.001 of its size, near a saddle",
        limit=0.01,
        steps=500,
        fields=(Saddle,),
    ),
    Criterion(
        "noise",
        "gradients of a quadratic, 1.5 to 3 at first, with normal noise of size 1",
        limit=0.02,
        steps=1000,
        fields=(Noisy,),
    ),
    Criterion(
        "skew",
        "gradients of a quadratic with noise of +9 in one of ten steps, else -1, so that its "
        "median isn't its mean",
        limit=0.02,
        steps=1000,
        fields=(Skewed,),
    ),
    Criterion(
        "sparse",
        "half of a quadratic's gradients are zero, but in one of fifty steps",
        limit=0.02,
        steps=2000,
        fields=(Sparse,),
    ),
    Criterion(
        "drift",
        "the minimum of a quadratic rests for 1000 steps, then moves by 0.01 in each; little noise",
        limit=0.002,
        steps=2000,
        fields=(Drifting,),
    ),
    Criterion(
        "loss_scale",
        "a quadratic times 0.001, 1 and 1000, at the same rate",
        limit=0.02,
        steps=500,
        fields=tuple(partial(Bowl, height=scale) for scale in _SCALES),
    ),
    Criterion(
        "parameter_scale",
        "a quadratic of parameters that are 0.01, 1 and 100 times as large, at the same rate",
        limit=0.02,
        steps=500,
        fields=tuple(partial(Bowl, width=width) for width in _WIDTHS),
    ),
)


@dataclass(frozen=True)
class Verdict:
    """How a rule did by one criterion: its best score, at which rate, and how many rates pass."""

    criterion: Criterion
    score: float
    rate: float | None
    passing: int
    tried: int
    #: Whether that rate is an end of those tried, so that a better one may be beyond.
    at_edge: bool = False

    @property
    def passed(self) -> bool:
        """Whether a rate passes."""
        return self.passing > 0


@dataclass(frozen=True)
class Examination:
    """The verdicts on one rule."""

    title: str
    verdicts: tuple[Verdict, ...]


def examine(
    contestant: Contestant,
    search: Search,
    report: Callable[[Verdict], None],
    criteria: Sequence[Criterion] = CRITERIA,
) -> Examination:
    """Run all rates of a search through each criterion."""
    rates, verdicts = search.rates(contestant.rate), []
    for criterion in criteria:
        scores = [criterion.score(contestant, rate) for rate in rates]
        best = int(np.argmin(scores))
        passing = sum(score <= criterion.limit for score in scores)
        at_edge = len(rates) > 1 and best in (0, len(rates) - 1)
        found = scores[best], rates[best], passing, len(rates), at_edge
        verdicts.append(Verdict(criterion, *found))
        report(verdicts[-1])
    return Examination(contestant.title, tuple(verdicts))
