"""Timing of functions in alternation, so that other load affects them equally."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles

#: Warm-up calls of each function, which aren't counted.
WARM = 2
#: The minimum number of rounds for a spread.
FEWEST = 3


@dataclass(frozen=True)
class Times:
    """The seconds of some calls of one function."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of the seconds."""
        return median(self.seconds)

    @property
    def spread(self) -> float:
        """The interquartile range relative to the median."""
        low, _, high = quantiles(self.seconds, n=4)
        return (high - low) / self.median


def in_turns(
    functions: Mapping[str, Callable[[], object]], rounds: int, seconds: float
) -> dict[str, Times]:
    """The times of functions, each called once per round.

    There are ``rounds`` rounds, or fewer, but at least ``FEWEST``, if they take longer than
    ``seconds``.
    """
    taken: dict[str, list[float]] = {name: [] for name in functions}
    end = time.perf_counter() + seconds
    for number in range(WARM + rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if number >= WARM:
                taken[name].append(time.perf_counter() - start)
        if number >= WARM + FEWEST - 1 and time.perf_counter() > end:
            break
    return {name: Times(tuple(found)) for name, found in taken.items()}


def ratio(one: Times, other: Times) -> float:
    """The relative time of another function: the median over consecutive pairs."""
    return median(b / a for a, b in zip(one.seconds, other.seconds, strict=True))
