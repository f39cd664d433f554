"""What a library provides: rules of its own, running over parameters of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

Arrays = Sequence[np.ndarray[Any, np.dtype[np.float32]]]


class Run(Protocol):
    """An optimizer with parameters and gradients."""

    def give(self, grads: Arrays) -> None:
        """Take gradients, which all further steps use; nobody changes these arrays."""

    def step(self) -> object:
        """Make one step, and wait for its end."""

    def parameters(self) -> Arrays:
        """The parameters as they are now."""


@dataclass(frozen=True)
class Rule:
    """A library's name for a rule, with the arguments that make it the same rule."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """What a peer runs; ``features`` are Keras's arguments of features that are on."""

    rule: Rule
    rate: float
    first: Arrays
    features: Mapping[str, Any] = field(default_factory=dict)
    compiled: bool = False


class Library(Protocol):
    """A module of this package."""

    @property
    def PACKAGES(self) -> tuple[str, ...]:  # noqa: N802
        """The packages that it needs."""

    def prepare(self, threads: int) -> dict[str, str]:
        """Set the number of threads; returns what a table of results says of the library."""

    def runs(self, task: Task) -> Iterator[tuple[str, Run]]:
        """The library's ways to run a rule, by name; none with features that it doesn't have."""
