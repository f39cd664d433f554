"""Small losses with one difficulty each, whose gradients and minima are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from optgen.comparison.tasks.task import Array

_SEED = 20
_SHAPE = 8, 4
_DISTANCE = 3.0


class Field(Protocol):
    """Parameters in float32, their gradients in a step, and the loss without noise."""

    @property
    def parameters(self) -> Mapping[str, Array]:
        """What the rule changes."""

    @property
    def gradients(self) -> Mapping[str, Array]:
        """What ``backward`` writes."""

    def backward(self, step: int) -> None:
        """Write the gradients of a step."""

    def loss(self, step: int) -> float:
        """The loss before a step."""


class Bowl:
    """Half the square distance of a matrix from its minimum, times ``height``.

    With a ``width``, it is the same loss of parameters that are so many times as large.
    """

    def __init__(self, height: float = 1.0, width: float = 1.0) -> None:
        self._height, self._width = height, width
        self.random = np.random.default_rng(_SEED)
        # Half the signs are negative, and no element is at its minimum.
        away = _DISTANCE * self.random.choice((-1, 1), _SHAPE) * self.random.uniform(0.5, 1, _SHAPE)
        start = self.random.normal(size=_SHAPE)
        self._minimum = start + away
        self.parameters = {"matrix": (width * start).astype(np.float32)}
        self.gradients = {"matrix": np.zeros(_SHAPE, np.float32)}

    def backward(self, step: int) -> None:
        """The slope, and what a kind of bowl adds to it."""
        slope = self._height / self._width * self.distance(step)
        self.gradients["matrix"][...] = self.seen(slope, step)

    def loss(self, step: int) -> float:
        """Half the mean square distance, without the factor."""
        return float(np.mean(self.distance(step) ** 2)) / 2

    def distance(self, step: int) -> Array:
        """How far the matrix is from the minimum, where it is in a step, in widths."""
        return np.asarray(
            self.parameters["matrix"] / self._width - self._minimum - self.moved(step)
        )

    def moved(self, step: int) -> float:
        """How far the minimum has gone."""
        return 0.0

    def seen(self, slope: Array, step: int) -> Array:
        """The gradient that the rule is given."""
        return slope


class Noisy(Bowl):
    """Each element of a gradient is off by a normal number, of size 1 in the mean square."""

    def seen(self, slope: Array, step: int) -> Array:
        """The slope with noise."""
        return np.asarray(slope + self.random.normal(size=_SHAPE))


class Skewed(Bowl):
    """Each element is off by 9 in one of ten steps, else by -1: by 0 in the mean."""

    def seen(self, slope: Array, step: int) -> Array:
        """The slope with noise whose median isn't its mean."""
        return np.asarray(slope + np.where(self.random.random(_SHAPE) < 0.1, 9, -1))


class Sparse(Bowl):
    """Half the rows have a gradient in one of fifty steps only, else zero."""

    def seen(self, slope: Array, step: int) -> Array:
        """The slope, without most of what is rare."""
        there = self.random.random(_SHAPE) < 0.02
        there[_SHAPE[0] // 2 :] = True
        return np.where(there, slope, 0)

    def loss(self, step: int) -> float:
        """The loss of the worse half."""
        squares = self.distance(step) ** 2 / 2
        half = _SHAPE[0] // 2
        return max(float(squares[:half].mean()), float(squares[half:].mean()))


class Drifting(Bowl):
    """The minimum rests for 1000 steps, and then moves by 0.01 in each; with a little noise."""

    def moved(self, step: int) -> float:
        """How far the minimum has gone."""
        return 0.01 * max(0, step - 1000)

    def seen(self, slope: Array, step: int) -> Array:
        """The slope with noise."""
        return np.asarray(slope + 0.1 * self.random.normal(size=_SHAPE))


class Saddle:
    """Half the square error of a product of two factors, which begin near the saddle at zero."""

    def __init__(self) -> None:
        random = np.random.default_rng(_SEED)
        rows, columns, rank = 8, 6, 3
        self._product = random.normal(size=(rows, rank)) @ random.normal(size=(rank, columns))
        self.parameters = {
            name: random.normal(0, 1e-3, (size, rank)).astype(np.float32)
            for name, size in (("left", rows), ("right", columns))
        }
        self.gradients = {path: np.zeros_like(array) for path, array in self.parameters.items()}

    def backward(self, step: int) -> None:
        """The gradients of both factors."""
        errors = self._errors()
        self.gradients["left"][...] = errors @ self.parameters["right"]
        self.gradients["right"][...] = errors.T @ self.parameters["left"]

    def loss(self, step: int) -> float:
        """Half the mean square error."""
        return float(np.mean(self._errors() ** 2)) / 2

    def _errors(self) -> Array:
        return np.asarray(self.parameters["left"] @ self.parameters["right"].T - self._product)
