"""A network that must imitate another, whose inputs it sees at scales from 1 to 1/100."""

from __future__ import annotations

from functools import cache

import numpy as np

from optgen.comparison.tasks.dense import DenseProblem, Examples
from optgen.comparison.tasks.task import Task

_EXAMPLES, _INPUTS, _HIDDEN = 256, 20, 16
_DATA_SEED = 20


@cache
def _examples() -> Examples:
    """The square of a scale is what a weight's curvature has, so conditions are 10000 and worse."""
    random = np.random.default_rng(_DATA_SEED)
    inputs = random.normal(size=(_EXAMPLES, _INPUTS))
    hidden = np.tanh(inputs @ random.normal(0, 1 / np.sqrt(_INPUTS), (_INPUTS, _HIDDEN)))
    targets = hidden @ random.normal(0, 1 / np.sqrt(_HIDDEN), _HIDDEN)
    seen = inputs * np.logspace(0, -2, _INPUTS)
    return Examples(seen.astype(np.float32), (targets / targets.std()).astype(np.float32))


def _start(seed: int) -> DenseProblem:
    every = _examples()
    return DenseProblem((_INPUTS, _HIDDEN, 1), every, every, batch=_EXAMPLES, seed=seed)


TASK = Task(
    "ill_conditioned", "square error, in variances, on the 256 examples of training", 500, _start
)
