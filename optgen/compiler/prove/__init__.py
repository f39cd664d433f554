"""Prove: Rule → findings. What is true of a rule wherever its names may lie, and what isn't."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress

from optgen.compiler.nouns.proof import Finding, Group, Verdict
from optgen.compiler.nouns.rule import CALL, STEP, Rule
from optgen.compiler.prove.degree import degrees, units
from optgen.compiler.prove.descent import descent
from optgen.compiler.prove.domains import domains
from optgen.compiler.prove.extremes import overflow, underflow
from optgen.compiler.prove.invariants import invariants
from optgen.compiler.prove.parity import oddness
from optgen.compiler.prove.rounding import rounding
from optgen.compiler.prove.sample import Budget, Search
from optgen.compiler.prove.size import sizes
from optgen.compiler.prove.start import starts
from optgen.compiler.prove.variant import TooLargeError, Variant, variants
from optgen.compiler.prove.weights import weights

#: What numbers that may refute begin with, beside defaults.
_FIRST = {"grad": 2.0, "step": 1.0, "param": 1.0}


def prove(rule: Rule) -> tuple[Finding, ...]:
    """Every finding about the rule of one optimizer, without features, in each of its variants."""
    return tuple(_findings(rule))


def _domains(variant: Variant, search: Search, defaults: Mapping[str, float]) -> Iterator[Finding]:
    """Domains, and what rounding does to those that mathematics keeps."""
    found = list(domains(variant, search))
    yield from found
    safe = {str(one.location) for one in found if one.verdict is Verdict.PROVED}
    with suppress(KeyError, TypeError):  # Not all can be run without what a user sets.
        hazards = [*rounding(variant, defaults), *underflow(variant, defaults)]
        yield from (one for one in hazards if str(one.location) in safe)
        yield from overflow(variant, defaults)


def _findings(rule: Rule) -> Iterator[Finding]:
    defaults = {
        h.name: float(h.default)
        for h in rule.hyperparameters
        if h.default is not None and not h.is_switch
    }
    integers = frozenset([STEP, CALL, *(h.name for h in rule.hyperparameters if h.integer)])
    budget = Budget()
    try:
        for variant in variants(rule):
            search = Search(variant.known, {**_FIRST, **defaults}, integers, budget)
            yield from invariants(variant, search)
            yield from _domains(variant, search, defaults)
            yield from descent(variant, search)
            yield from oddness(variant, search)
            yield from degrees(variant, defaults)
            yield from units(variant, defaults)
            yield from sizes(variant, search, defaults)
            yield from weights(variant)
            yield from starts(variant, defaults)
    except TooLargeError:
        reason = "the rule has too many settings, or values too large, to be looked at as a whole"
        for group in Group:
            yield Finding(group, "nothing is known", Verdict.UNDECIDED, rule.location, "", reason)
