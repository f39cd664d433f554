"""How exact a plan is: what was rewritten on the way to it, and by how much results are off."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True)
class Rewrite:
    """A part of a rule that a plan computes in another way.

    Errors are the worst, in units in the last place of float32, of the value of this part alone.
    """

    kind: str
    before: str
    after: str
    proof: str
    #: Operations for each element.
    operations: tuple[int, int]
    errors: tuple[float, float]


@dataclass(frozen=True)
class Accuracy:
    """What was measured of the update of one optimizer, without features.

    ``written`` and ``planned`` give the worst error of a state or a step, in units in the last
    place of float32 and for each kind of inputs: of the rule as it is written, with all in
    float32, and as it is planned. ``proved`` says whether exact arithmetic showed that both mean
    the same.
    """

    rewrites: tuple[Rewrite, ...] = ()
    written: Mapping[str, float] = field(default_factory=dict)
    planned: Mapping[str, float] = field(default_factory=dict)
    proved: bool = False
    #: Inputs under which sums lose their leading digits, whoever computes them.
    cancelling: str = ""

    @property
    def worst(self) -> float | None:
        """The worst error where sums don't cancel; None where nothing was measured."""
        kept = [error for kind, error in self.planned.items() if kind != self.cancelling]
        return max(kept, default=None)


def one_digit(error: float) -> str:
    """An error with one digit, rounded up."""
    if error == 0 or not math.isfinite(error):
        return f"{error:g}"
    size = Fraction(10) ** math.floor(math.log10(error))
    return f"{float(math.ceil(Fraction(error) / size) * size):g}"
