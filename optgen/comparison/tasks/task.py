"""What a task is: a problem for each seed, and a number of steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class Problem(Protocol):
    """Parameters in float32, which optimizers change in place, and gradients of their shapes.

    Both are the same arrays throughout.
    """

    @property
    def parameters(self) -> Mapping[str, Array]:
        """What is trained, by path."""

    @property
    def gradients(self) -> Mapping[str, Array]:
        """What ``backward`` writes, by the same paths."""

    def backward(self) -> float:
        """Write the gradients of the next batch; returns its loss."""

    def evaluate(self) -> float:
        """The loss that is compared; less is better."""


@dataclass(frozen=True)
class Task:
    """A problem for every seed: the first parameters and the order of batches are the seed's.

    The data are the same for all seeds. ``measure`` says what ``evaluate`` returns.
    """

    name: str
    measure: str
    steps: int
    start: Callable[[int], Problem]
