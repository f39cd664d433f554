"""The dynamic scale of a loss."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class DynamicScale:
    """Doubled after ``growth_steps`` calls with finite gradients, halved by one that isn't.

    ``steady`` counts the calls since the last change.
    """

    value: float
    growth_steps: int
    steady: int = 0

    def grow(self) -> None:
        """A call had finite gradients."""
        self.steady += 1
        if self.steady == self.growth_steps:
            self.value, self.steady = self.value * 2, 0

    def shrink(self) -> None:
        """A call had gradients that aren't finite."""
        self.value, self.steady = max(1.0, self.value / 2), 0
