"""The accuracy of a plan: its rewrites and its rounding errors."""

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


#: What a step adds to the parameter, as a result beside the states.
STEP_RESULT = "step of param"


@dataclass(frozen=True)
class Bound:
    """A proved bound of the rounding error of one result, in one setting of the switches.

    ``ulps`` are units in the last place of float32: of the result, or of the sum of its terms'
    magnitudes where it ``cancels``. They are None where no bound exists, and ``why`` says so.
    """

    result: str
    setting: str
    ulps: Fraction | None
    cancels: bool = False
    why: str = ""


@dataclass(frozen=True)
class Accuracy:
    """How exact the update of one optimizer is, without features.

    ``bounds`` are proved. ``written`` and ``planned`` give the largest error of a state or a step
    that was found, in units in the last place of float32 and for each kind of inputs: of the rule
    as it is written, with all in float32, and as it is planned. ``proved`` says whether exact
    arithmetic showed that both mean the same.
    """

    rewrites: tuple[Rewrite, ...] = ()
    written: Mapping[str, float] = field(default_factory=dict)
    planned: Mapping[str, float] = field(default_factory=dict)
    proved: bool = False
    #: Inputs under which sums lose their leading digits, whoever computes them.
    cancelling: str = ""
    bounds: tuple[Bound, ...] = ()
    #: The largest error that was found of each setting and result, in what its bound is in.
    found: Mapping[tuple[str, str], float] = field(default_factory=dict)
    #: How many steps were measured.
    steps: int = 0


def in_tenths(ulps: Fraction) -> str:
    """A bound with one digit behind the point, rounded up."""
    return f"{math.ceil(10 * ulps) / 10:g}"


def one_digit(error: float) -> str:
    """An error with one digit, rounded up."""
    if error == 0 or not math.isfinite(error):
        return f"{error:g}"
    size = Fraction(10) ** math.floor(math.log10(error))
    return f"{float(math.ceil(Fraction(error) / size) * size):g}"
