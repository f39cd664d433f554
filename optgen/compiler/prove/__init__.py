"""Prove: Rule → findings. What is true of a rule wherever its names may lie, and what isn't."""

from __future__ import annotations

from collections.abc import Iterator

from optgen.compiler.nouns.proof import Finding, Group, Verdict
from optgen.compiler.nouns.rule import CALL, STEP, Rule
from optgen.compiler.prove.degree import degrees
from optgen.compiler.prove.descent import descent
from optgen.compiler.prove.domains import domains
from optgen.compiler.prove.invariants import invariants
from optgen.compiler.prove.parity import oddness
from optgen.compiler.prove.sample import Search
from optgen.compiler.prove.variant import TooLargeError, variants

#: What numbers that may refute begin with, beside defaults.
_FIRST = {"grad": 2.0, "step": 1.0, "param": 1.0}


def prove(rule: Rule) -> tuple[Finding, ...]:
    """Every finding about the rule of one optimizer, without features, in each of its variants."""
    return tuple(_findings(rule))


def _findings(rule: Rule) -> Iterator[Finding]:
    defaults = {
        h.name: float(h.default)
        for h in rule.hyperparameters
        if h.default is not None and not h.is_switch
    }
    integers = frozenset([STEP, CALL, *(h.name for h in rule.hyperparameters if h.integer)])
    try:
        for variant in variants(rule):
            search = Search(variant.known, {**_FIRST, **defaults}, integers)
            yield from invariants(variant, search)
            yield from domains(variant, search)
            yield from descent(variant, search)
            yield from oddness(variant, search)
            yield from degrees(variant, defaults)
    except TooLargeError:
        reason = "the rule is too large to be looked at as one expression"
        for group in Group:
            yield Finding(group, "nothing is known", Verdict.UNDECIDED, rule.location, "", reason)
