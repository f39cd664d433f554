"""Findings about a rule: properties, verdicts and their evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from optgen.compiler.ir.problem import Location


class Verdict(StrEnum):
    """Proved exactly, refuted by a counterexample, or undecided."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


class Group(StrEnum):
    """Kinds of properties. A rule with a refuted property of the first three groups is wrong."""

    INVARIANT = "invariant"
    DOMAIN = "domain"
    DESCENT = "descent"
    ODDNESS = "oddness"
    DEGREE = "degree"
    #: Units, sizes and float32 limits are informational.
    UNIT = "unit"
    SIZE = "size"
    #: The largest gradients without overflow in float32, and the constants that float32 loses.
    OVERFLOW = "overflow"
    UNDERFLOW = "underflow"
    #: Unusual properties that may be intended.
    WEIGHTS = "weights"
    START = "start"
    #: The known rule that it equals or differs from in one step.
    KNOWN = "known"
    #: Observations in runs.
    BEHAVIOUR = "behaviour"
    #: Domain errors caused by rounding.
    FLOAT32 = "float32"
    #: A default that float32 can't represent.
    RANGE = "range"


EVERY = frozenset(Group)
#: Refuted properties of these groups are errors; those of other groups only in strict mode.
BINDING = frozenset({Group.INVARIANT, Group.DOMAIN, Group.DESCENT})
STRICT = BINDING | {Group.ODDNESS, Group.DEGREE}
#: Informational groups.
TOLD = frozenset({Group.UNIT, Group.SIZE, Group.OVERFLOW, Group.UNDERFLOW})
#: Groups that are warnings only.
WARNED = frozenset(
    {Group.WEIGHTS, Group.START, Group.KNOWN, Group.BEHAVIOUR, Group.FLOAT32, Group.RANGE}
)
#: Groups that neither fail a check nor count as properties of a rule.
ASIDE = TOLD | WARNED


@dataclass(frozen=True)
class Finding:
    """A property of a rule, in one setting of its switches.

    ``numbers`` are a counterexample: with them, the Python expression ``fails`` is true.
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
    #: The traceback of a failed analysis, which is a compiler error.
    crash: str = ""
    #: The message if it is refuted, for groups that are warnings only.
    fault: str = ""

    @property
    def word(self) -> str:
        """The verdict as one word."""
        if self.group is Group.BEHAVIOUR and self.verdict is Verdict.PROVED:
            return "observed"
        if self.group in ASIDE:
            return {Verdict.PROVED: "yes", Verdict.REFUTED: "no"}.get(self.verdict, self.verdict)
        return self.verdict

    @property
    def headline(self) -> str:
        """The beginning of the message of a problem about a refuted property."""
        if self.group in WARNED:
            return self.fault or self.statement
        return f"{self.word}: {self.statement}"

    @property
    def is_refuted(self) -> bool:
        """Whether the property is refuted and not waived."""
        return self.verdict is Verdict.REFUTED and not self.waived
