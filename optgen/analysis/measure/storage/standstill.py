"""Means that stand still: a step changes a stored state by less than half a step of its format.

A mean ``share*state + (1 - share)*input`` changes by ``(1 - share)*(input - state)``. Rounding to
nearest loses a change below half the distance to the next number, so the mean stays where it is
while its input is within a band around it. A sum loses terms below half that distance. Where one of
both neighbours is drawn, no change is lost on average.
"""

from __future__ import annotations

from dataclasses import dataclass

from optgen.analysis.measure.storage.means import Kind, Mean
from optgen.compiler.ir.accuracy import two_digits
from optgen.compiler.ir.formats import FLOAT32, LEAST_OF_BLOCK, Blockwise, Format, state_format
from optgen.compiler.ir.storage import Stored

#: The least elements of a block that noise is stated for.
_LEAST = f"{float(LEAST_OF_BLOCK):g}"


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
    #: How far a draw may change it, relative to itself; None for rounding to nearest.
    noise: float | None = None

    @property
    def stands(self) -> bool:
        """Whether an input of 0 leaves the state as it is, whatever its digits."""
        is_nearest = self.noise is None and self.mean.kind is not Kind.SUM
        return is_nearest and self.least >= 1

    def said(self) -> str:
        """What becomes of the state, in words."""
        mean = self.mean
        if self.noise is not None:
            return f"{mean.state} {_FOLLOWS[mean.kind]}{self._by()}"
        if mean.kind is Kind.SUM:
            return (
                f"{mean.state} is a sum: it takes no term below {_percent(self.least)} of itself, "
                f"and each above {_percent(self.most)}"
            )
        keeps = f"{mean.state} keeps {mean.shown}"
        if not self.stands:
            away = _percent(self.most)
            return f"{keeps}, and stops up to {away} of its value away from its input"
        if mean.kind is Kind.MAXIMUM:
            return f"{keeps}, and never falls: it is the largest input so far"
        if mean.is_unsigned:
            rises = f"{two_digits(1 + self.least)} to {two_digits(1 + self.most)} times its value"
            return f"{keeps}, and never falls; it rises for inputs above {rises}"
        return (
            f"{keeps}, and stands still until its input is {two_digits(self.least)} to "
            f"{two_digits(self.most)} times its value away"
        )

    def _by(self) -> str:
        """The size of the noise, in words."""
        by = f", and each store changes it by up to {_percent(self.noise or 0)}"
        if isinstance(self.format, Blockwise):
            return f"{by}, where it is at least {_LEAST} of its block's largest"
        return by


#: What states do on average.
_FOLLOWS = {
    Kind.MEAN: "follows its input on average",
    Kind.SUM: "takes each of its terms on average",
    Kind.MAXIMUM: "falls on average",
}


def standstill(mean: Mean, stored: Stored) -> Standstill:
    """What becomes of a mean in a storage."""
    kind = {"is_unsigned": mean.is_unsigned, "is_coded": mean.is_coded}
    found = FLOAT32 if mean.is_wide else state_format(stored.states, **kind)
    left = 1 if mean.kind is Kind.SUM else 1 - mean.share
    least, most = (float(half) / left for half in found.halves)
    noise = 2 * float(found.halves[1]) if stored.draws(found) else None
    return Standstill(mean, found, least, most, noise)


def _percent(share: float) -> str:
    return f"{two_digits(100 * share)} %"
