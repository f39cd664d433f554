"""The accuracy of a plan: its rewrites and its rounding errors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True)
class Rewrite:
    """A part of a rule that a plan replaces by another computation.

    Errors are worst-case errors, in units in the last place of float32, of the value of this part
    alone.
    """

    kind: str
    before: str
    after: str
    proof: str
    #: Operations per element.
    operations: tuple[int, int]
    errors: tuple[float, float]


#: The increment of the parameter in a step, as a result in addition to the states.
STEP_RESULT = "step of param"


@dataclass(frozen=True)
class Bound:
    """A proved bound of the rounding error of one result, in one setting of the switches.

    ``ulps`` are units in the last place of float32: of the result, or of the sum of the magnitudes
    of its terms if it ``cancels``. They are None if no bound exists; ``why`` gives the reason.
    """

    result: str
    setting: str
    ulps: Fraction | None
    cancels: bool = False
    why: str = ""


@dataclass(frozen=True)
class StoredStep:
    """What a step loses where parameters, gradients and states are stored in one format.

    ``error`` bounds the relative error of a step, of the sum of the magnitudes of its terms if it
    ``cancels``; it is None if there is no bound. ``standing`` are the means that stand still.
    """

    format: str
    error: Fraction | None
    cancels: bool
    standing: tuple[str, ...]


@dataclass(frozen=True)
class Accuracy:
    """The accuracy of the update of one optimizer, without features.

    ``bounds`` are proved. ``written`` and ``planned`` give the largest error found of a state or a
    step, in units in the last place of float32, for each kind of inputs: of the rule as written,
    computed entirely in float32, and of the rule as planned. ``proved`` states whether exact
    arithmetic showed that both are equivalent.
    """

    rewrites: tuple[Rewrite, ...] = ()
    written: Mapping[str, float] = field(default_factory=dict)
    planned: Mapping[str, float] = field(default_factory=dict)
    proved: bool = False
    #: Inputs for which sums lose their leading digits in any implementation.
    cancelling: str = ""
    bounds: tuple[Bound, ...] = ()
    #: The largest error found for each setting and result, in the unit of its bound.
    found: Mapping[tuple[str, str], float] = field(default_factory=dict)
    #: The number of steps measured.
    steps: int = 0


def in_tenths(ulps: Fraction) -> str:
    """A bound with one decimal digit, rounded up."""
    return f"{math.ceil(10 * ulps) / 10:g}"


def in_percent(error: float) -> str:
    """A relative error with two significant digits, rounded up; none that exceeds the value."""
    if error >= 1:
        return "100 % or more"
    if error == 0:
        return "0 %"
    size = Fraction(10) ** (math.floor(math.log10(100 * error)) - 1)
    return f"{float(math.ceil(Fraction(100 * error) / size) * size):.2g} %"


def two_digits(number: float) -> str:
    """A number with two significant digits, rounded to nearest."""
    return f"{float(f'{number:.1e}'):g}"


def one_digit(error: float) -> str:
    """An error with one significant digit, rounded up."""
    if error == 0 or not math.isfinite(error):
        return f"{error:g}"
    size = Fraction(10) ** math.floor(math.log10(error))
    return f"{float(math.ceil(Fraction(error) / size) * size):g}"
