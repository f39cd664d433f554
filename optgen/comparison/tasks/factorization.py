"""A matrix of rank 3 of which a part is seen: two factors, trained from small random ones."""

from __future__ import annotations

from functools import cache

import numpy as np

from optgen.comparison.tasks.task import Array, Task

_ROWS, _COLUMNS, _RANK = 40, 30, 3
_SEEN = 0.6
_DATA_SEED = 20


@cache
def _matrix() -> tuple[Array, Array]:
    """The matrix, with entries of variance 1, and which of them are seen."""
    random = np.random.default_rng(_DATA_SEED)
    product = random.normal(size=(_ROWS, _RANK)) @ random.normal(size=(_RANK, _COLUMNS))
    seen = random.random((_ROWS, _COLUMNS)) < _SEEN
    return (product / product.std()).astype(np.float32), seen


class Factors:
    """``left @ right.T``; zero is a saddle of the loss, near which they begin."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self._matrix, self._seen = _matrix()
        self.parameters = {
            name: random.normal(0, 0.1, (size, _RANK)).astype(np.float32)
            for name, size in (("left", _ROWS), ("right", _COLUMNS))
        }
        self.gradients = {path: np.zeros_like(array) for path, array in self.parameters.items()}

    def backward(self) -> float:
        """The gradients of the mean square error over all entries that are seen."""
        errors = np.where(self._seen, self._errors(), np.float32(0))
        count = int(self._seen.sum())
        slope = errors * np.float32(2 / count)
        self.gradients["left"][...] = slope @ self.parameters["right"]
        self.gradients["right"][...] = slope.T @ self.parameters["left"]
        return float(np.sum(errors**2)) / count

    def evaluate(self) -> float:
        """The mean square error over the entries that are hidden."""
        return float(np.mean(self._errors()[~self._seen] ** 2))

    def _errors(self) -> Array:
        return np.asarray(self.parameters["left"] @ self.parameters["right"].T - self._matrix)


TASK = Task("factorization", "square error, in variances, on entries that are hidden", 500, Factors)
