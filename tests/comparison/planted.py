"""Rules in NumPy whose behaviour is known, and a task that one rate solves in a step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from optgen.comparison.contestants import Arrays, Contestant, Started
from optgen.comparison.tasks.task import Array, Task

#: The change of a parameter, from its gradient and the number of the step.
Rule = Callable[[Array, int], Array]


def planted(title: str, rule: Rule, default: float | None = 0.1) -> Contestant:
    def start(parameters: Arrays, gradients: Arrays, rate: float | None) -> Started:
        count = 0

        def step() -> None:
            nonlocal count
            count += 1
            for path, array in parameters.items():
                array[...] -= (1 if rate is None else rate) * rule(gradients[path], count)

        return Started(step)

    return Contestant(title, default, start)


def descent(title: str = "descent", default: float | None = 0.1) -> Contestant:
    return planted(title, lambda gradient, _: gradient, default)


class Parabola:
    """Half a square: descent at a rate of 1 is at its minimum after one step."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.parameters = {"x": np.array([1.0 + seed], np.float32)}
        self.gradients = {"x": np.zeros(1, np.float32)}

    def backward(self) -> float:
        self.gradients["x"][...] = self.parameters["x"]
        return self.evaluate()

    def evaluate(self) -> float:
        return float(self.parameters["x"][0]) ** 2 / 2


PARABOLA = Task("parabola", "half the square", 20, Parabola)
