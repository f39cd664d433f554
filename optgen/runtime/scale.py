"""The dynamic loss scale."""

from __future__ import annotations

from dataclasses import dataclass

from optgen.runtime.transaction import Call


@dataclass
class DynamicScale:
    """Doubled after ``growth_steps`` calls with finite gradients, halved by one that isn't.

    ``steady`` counts the calls since the last change.
    """

    value: float
    growth_steps: int
    steady: int = 0

    def growing(self) -> list[Call]:
        """The calls that note finite gradients."""
        if self.steady + 1 < self.growth_steps:
            return [(setattr, self, "steady", self.steady + 1)]
        return self.setting(self.value * 2, 0)

    def shrinking(self) -> list[Call]:
        """The calls that note gradients that aren't finite."""
        return self.setting(max(1.0, self.value / 2), 0)

    def setting(self, value: float, steady: int) -> list[Call]:
        """The calls that give it another value."""
        return [(setattr, self, "value", value), (setattr, self, "steady", steady)]
