"""Properties of a rule for a page: each once, with its verdicts in all variants."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

from optgen.compiler.ir.proof import ASIDE, WARNED, Finding, Verdict
from optgen.site.facts.records import Property

#: The worst verdict of a property comes first.
_ORDER = (Verdict.REFUTED, Verdict.UNDECIDED, Verdict.PROVED)


#: More variants than this are counted, not listed.
_LISTED = 3


def properties_of(findings: Iterable[Finding]) -> list[Property]:
    """The properties of a rule, those that count first, without warnings that don't apply."""
    every = tuple(findings)
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in every:
        alike.setdefault((finding.group, finding.statement), []).append(finding)
    variants = frozenset(finding.variant for finding in every)
    found = [_property(same, variants) for same in alike.values() if not _is_silent(same)]
    return sorted(found, key=lambda one: not one["counts"])


def _is_silent(alike: Sequence[Finding]) -> bool:
    """Whether it is a warning that says nothing: it doesn't apply, or couldn't be decided."""
    return alike[0].group in WARNED and not any(one.verdict is Verdict.PROVED for one in alike)


def _property(alike: Sequence[Finding], variants: Set[str]) -> Property:
    """What was found of a property, which the rule may not have in all of its variants."""
    verdicts = dict.fromkeys((one.verdict, one.word) for one in alike)
    words = []
    for verdict, word in verdicts:
        there = {one.variant for one in alike if one.verdict is verdict}
        words.append(word if there == variants else f"{word} where {where(there, variants)}")
    waived = [f"waived: {one.waived}" for one in alike if one.waived and one.verdict is _ORDER[0]]
    reasons = dict.fromkeys([*(one.reason for one in alike if one.reason), *waived])
    first = alike[0]
    worst = next(one for one in _ORDER if any(one is verdict for verdict, _ in verdicts))
    return {
        "group": first.group.value,
        "statement": first.statement,
        "verdict": worst.value,
        "words": "; ".join(words),
        "reason": "; ".join(reasons),
        "counts": first.group not in ASIDE,
    }


def where(some: Set[str], every: Set[str]) -> str:
    """Some variants of all, by what these have in common if no other has it."""
    parts = {variant: frozenset(variant.split(", ")) for variant in every}
    common = frozenset.intersection(*(parts[variant] for variant in some))
    if common and {variant for variant in every if common <= parts[variant]} == some:
        return ", ".join(part for part in min(some).split(", ") if part in common)
    listed = sorted(some)
    if len(listed) <= _LISTED:
        return "; or ".join(listed)
    return f"{listed[0]}; or in {len(listed) - 1} other of {len(every)} settings"
