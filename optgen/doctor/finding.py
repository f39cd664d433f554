"""The nouns of an examination: a finding, its verdict, and sections of findings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a finding means for the speed of a step."""

    FAST = "fast"
    OK = "ok"
    NOTE = "note"
    SLOW = "slow"
    MISSING = "missing"
    FAULT = "fault"


@dataclass(frozen=True)
class Finding:
    """One subject: the verdict, what was found, and how to mend it; empty where all is well."""

    subject: str
    verdict: Verdict
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Section:
    """Findings of one kind, under a title."""

    title: str
    findings: tuple[Finding, ...]


def judged(
    subject: str, found: str, advice: str, *, good: bool, otherwise: Verdict = Verdict.SLOW
) -> Finding:
    """A finding that is OK if ``good``; else it has another verdict, and the advice."""
    if good:
        return Finding(subject, Verdict.OK, found)
    return Finding(subject, otherwise, found, advice)
