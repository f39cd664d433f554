"""One run: a new problem, trained by one rule at one learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from optgen.comparison.contestants import Contestant
from optgen.comparison.tasks.task import Task

#: How often a run is evaluated, after the first parameters.
EVALUATIONS = 20


@dataclass(frozen=True)
class Run:
    """Losses after so many steps; a run that reaches no finite loss ends there, at infinity."""

    seed: int
    rate: float | None
    steps: tuple[int, ...]
    losses: tuple[float, ...]

    @property
    def final(self) -> float:
        """The last loss."""
        return self.losses[-1]


def train(contestant: Contestant, task: Task, rate: float | None, seed: int, steps: int) -> Run:
    """Train a new problem for so many steps, each with one gradient."""
    problem = task.start(seed)
    started = contestant.start(problem.parameters, problem.gradients, rate)
    marks = {round(part * steps / EVALUATIONS) for part in range(EVALUATIONS + 1)}
    seen: dict[int, float] = {}
    with np.errstate(all="ignore"):
        for step in range(steps + 1):
            if step in marks:
                with started.evaluating():
                    loss = problem.evaluate()
                seen[step] = loss if math.isfinite(loss) else math.inf
                if seen[step] == math.inf:
                    break
            if step < steps:
                problem.backward()
                started.step()
    return Run(seed, rate, tuple(seen), tuple(seen.values()))
