"""Handwritten digits of 8 by 8 pixels, which scikit-learn brings: a classifier."""

from __future__ import annotations

from functools import cache

from optgen.comparison.tasks.dense import DenseProblem, Examples
from optgen.comparison.tasks.task import Task
from optgen.demo import digits


@cache
def _examples() -> tuple[Examples, Examples]:
    train, test = digits.load()
    return Examples(train.pixels, train.digits), Examples(test.pixels, test.digits)


def _start(seed: int) -> DenseProblem:
    return DenseProblem((64, 32, 10), *_examples(), batch=64, seed=seed)


TASK = Task("digits", "cross entropy on 360 digits that are held out", 300, _start)
