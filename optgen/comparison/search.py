"""Learning rates to try: so many for every rule, over the same number of decades."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

#: How far rates go from a rule's default, down and up.
SPAN = 100.0


class Method(StrEnum):
    """Where rates lie, in their logarithm: at even distances, or drawn."""

    GRID = "grid"
    RANDOM = "random"


@dataclass(frozen=True)
class Search:
    """``trials`` rates around a rule's default, or between ``limits``, the same for all rules."""

    trials: int = 8
    method: Method = Method.GRID
    limits: tuple[float, float] | None = None

    def rates(self, default: float | None) -> tuple[float | None, ...]:
        """The rates to try, in order. A rule without a rate has one setting."""
        if default is None:
            return (None,)
        low, high = self.limits or (default / SPAN, default * SPAN)
        if self.trials == 1:
            return (default if self.limits is None else math.sqrt(low * high),)
        places = np.linspace(0, 1, self.trials)
        if self.method is Method.RANDOM:
            # The same places for every rule.
            places = np.sort(np.random.default_rng(0).random(self.trials))
        return tuple(float(low * (high / low) ** place) for place in places)
