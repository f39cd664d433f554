"""How far a disease goes within a year, by ten measurements, which scikit-learn brings."""

from __future__ import annotations

from functools import cache

import numpy as np

from optgen.comparison.tasks.dense import DenseProblem, Examples
from optgen.comparison.tasks.task import Array, Task
from optgen.demo.optional_packages import needed

_HELD_OUT = 110
_SPLIT_SEED = 20


@cache
def _examples() -> tuple[Examples, Examples]:
    data = needed("sklearn.datasets").load_diabetes()
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(data.target))
    held_out, train = order[:_HELD_OUT], order[_HELD_OUT:]
    inputs = _standard(data.data, train).astype(np.float32)
    targets = _standard(data.target, train).astype(np.float32)
    every = Examples(inputs, targets)
    return every.chosen(train), every.chosen(held_out)


def _standard(values: Array, train: Array) -> Array:
    """Values of mean 0 and variance 1 in the part for training."""
    return np.asarray((values - values[train].mean(axis=0)) / values[train].std(axis=0))


def _start(seed: int) -> DenseProblem:
    return DenseProblem((10, 16, 1), *_examples(), batch=32, seed=seed)


TASK = Task(
    "regression", "square error, in variances, on 110 patients that are held out", 300, _start
)
