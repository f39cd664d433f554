"""Means that stand still: a step changes a stored state by less than half a step of its format.

A mean ``share*state + (1 - share)*input`` changes by ``(1 - share)*(input - state)``. Rounding to
nearest loses a change below half the distance to the next number, so the mean stays where it is
while its input is within a band around it. A sum loses terms below half that distance.
"""

from __future__ import annotations

from dataclasses import dataclass

from optgen.analysis.measure.storage.means import Kind, Mean
from optgen.compiler.ir.accuracy import two_digits
from optgen.compiler.ir.formats import LEAST_OF_BLOCK, Blockwise, Format, state_format
from optgen.compiler.ir.storage import Stored


@dataclass(frozen=True)
class Standstill:
    """A mean in a format.

    It changes in no case while its input is within ``least`` of it, and in every case once that is
    farther than ``most``, both relative to the mean. Between them it depends on its digits.
    """

    mean: Mean
    format: Format
    least: float
    most: float
    #: Whether the rounding loses no change in the mean of many.
    is_fair: bool = False

    @property
    def stands(self) -> bool:
        """Whether an input of 0 leaves the state as it is, whatever its digits."""
        return self.mean.kind is not Kind.SUM and not self.is_fair and self.least >= 1

    def said(self) -> str:
        """What becomes of the state, in words."""
        mean, where = self.mean, ""
        if isinstance(self.format, Blockwise):
            where = f", for elements of at least {float(LEAST_OF_BLOCK):g} of their block's largest"
            where += ", while that stays"
        if self.is_fair:
            return f"{mean.state} follows {_INPUT[mean.kind]} on average"
        if mean.kind is Kind.SUM:
            return (
                f"{mean.state} is a sum: it takes no term below {_percent(self.least)} of itself, "
                f"and each above {_percent(self.most)}{where}"
            )
        keeps = f"{mean.state} keeps {mean.shown}"
        if not self.stands:
            away = _percent(self.most)
            return f"{keeps}, and stops up to {away} of its value away from its input{where}"
        if mean.kind is Kind.MAXIMUM:
            return f"{keeps}, and never falls: it is the largest input so far{where}"
        if mean.is_unsigned:
            rises = f"{two_digits(1 + self.least)} to {two_digits(1 + self.most)} times its value"
            return f"{keeps}, and never falls; it rises for inputs above {rises}{where}"
        return (
            f"{keeps}, and stands still until its input is {two_digits(self.least)} to "
            f"{two_digits(self.most)} times its value away{where}"
        )


_INPUT = {Kind.MEAN: "its input", Kind.SUM: "its terms", Kind.MAXIMUM: "its input"}


def standstill(mean: Mean, stored: Stored) -> Standstill:
    """What becomes of a mean in a storage."""
    found = state_format(stored.states, is_unsigned=mean.is_unsigned)
    left = 1 if mean.kind is Kind.SUM else 1 - mean.share
    least, most = (float(half) / left for half in found.halves)
    return Standstill(mean, found, least, most, stored.draws_states)


def _percent(share: float) -> str:
    return f"{two_digits(100 * share)} %"
