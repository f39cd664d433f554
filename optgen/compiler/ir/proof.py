"""Findings about a rule: properties, verdicts and their evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from optgen.compiler.ir.problem import Location


class Verdict(StrEnum):
    """Proved exactly, refuted by a counterexample, or neither."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


class Group(StrEnum):
    """Kinds of properties. A rule that is refuted in one of the first three is wrong."""

    INVARIANT = "invariant"
    DOMAIN = "domain"
    DESCENT = "descent"
    ODDNESS = "oddness"
    DEGREE = "degree"
    #: Units, sizes and float32 limits are informational.
    UNIT = "unit"
    SIZE = "size"
    #: The largest gradients without overflow in float32, and the constants that it loses.
    OVERFLOW = "overflow"
    UNDERFLOW = "underflow"
    #: Unusual properties that may be intended.
    WEIGHTS = "weights"
    START = "start"
    #: Which known rule it is, or is a step away from.
    KNOWN = "known"
    #: Observations in runs.
    BEHAVIOUR = "behaviour"
    #: Domain errors caused by rounding.
    FLOAT32 = "float32"
    #: A default that float32 loses.
    RANGE = "range"


#: Refuted properties of these groups are errors; those of the others only where one is strict.
BINDING = frozenset({Group.INVARIANT, Group.DOMAIN, Group.DESCENT})
STRICT = BINDING | {Group.ODDNESS, Group.DEGREE}
#: Informational groups.
TOLD = frozenset({Group.UNIT, Group.SIZE, Group.OVERFLOW, Group.UNDERFLOW})
#: Groups that are warnings only.
WARNED = frozenset(
    {Group.WEIGHTS, Group.START, Group.KNOWN, Group.BEHAVIOUR, Group.FLOAT32, Group.RANGE}
)
#: What neither fails a check nor counts among the properties of a rule.
ASIDE = TOLD | WARNED


@dataclass(frozen=True)
class Finding:
    """A property of a rule, in one setting of its switches.

    ``numbers`` are those that refute it: with them, the Python expression ``fails`` is true.
    """

    group: Group
    statement: str
    verdict: Verdict
    location: Location
    variant: str = ""
    reason: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    fails: str = ""
    #: The reason of a waiver in the spec, if any.
    waived: str = ""
    #: The traceback of an analysis that failed, which is a mistake in the compiler.
    crash: str = ""
    #: What is wrong where it is refuted, in words of its own; for those that are only warned of.
    fault: str = ""

    @property
    def word(self) -> str:
        """Its verdict in a word."""
        if self.group is Group.BEHAVIOUR and self.verdict is Verdict.PROVED:
            return "observed"
        if self.group in ASIDE:
            return {Verdict.PROVED: "yes", Verdict.REFUTED: "no"}.get(self.verdict, self.verdict)
        return self.verdict

    @property
    def headline(self) -> str:
        """What a problem about it begins with, where it is refuted."""
        if self.group in WARNED:
            return self.fault or self.statement
        return f"{self.word}: {self.statement}"

    @property
    def is_refuted(self) -> bool:
        """Whether it is refuted, and that isn't waived."""
        return self.verdict is Verdict.REFUTED and not self.waived
