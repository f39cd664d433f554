"""Timing of functions in alternation, so that other load affects them equally."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles

#: Calls of each function that aren't counted.
WARM = 2
#: Rounds without which there is no spread.
FEWEST = 3


@dataclass(frozen=True)
class Times:
    """The seconds of some calls of one function."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The one in the middle."""
        return median(self.seconds)

    @property
    def spread(self) -> float:
        """The share of the median that lies between the quartiles."""
        low, _, high = quantiles(self.seconds, n=4)
        return (high - low) / self.median


def in_turns(
    functions: Mapping[str, Callable[[], object]], rounds: int, seconds: float
) -> dict[str, Times]:
    """The times of functions, of which each is called once in each round.

    There are so many ``rounds``, or fewer, though at least ``FEWEST``, where they take longer than
    so many seconds.
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
    """How many times as long another took: the median over pairs that followed each other."""
    return median(b / a for a, b in zip(one.seconds, other.seconds, strict=True))
