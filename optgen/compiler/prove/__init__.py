"""Prove: Rule → findings. What is true of a rule wherever its names may lie, and what isn't."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

from optgen.compiler.nouns.proof import Finding, Group, Verdict
from optgen.compiler.nouns.rule import CALL, LEARNING_RATE, STEP, Rule
from optgen.compiler.prove.battery import Battery, Observed
from optgen.compiler.prove.behaviour import behaviours
from optgen.compiler.prove.degree import degrees, units
from optgen.compiler.prove.descent import descent
from optgen.compiler.prove.domains import domains
from optgen.compiler.prove.extremes import overflow, underflow
from optgen.compiler.prove.inferred import inferred
from optgen.compiler.prove.invariants import invariants
from optgen.compiler.prove.memory import memories
from optgen.compiler.prove.parity import oddness
from optgen.compiler.prove.reached import Reached
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
    return tuple(findings(rule))


def _domains(
    variant: Variant, reached: Reached, defaults: Mapping[str, float]
) -> Iterator[Finding]:
    """Domains, and what rounding does to those that mathematics keeps."""
    found = list(domains(variant, reached))
    yield from found
    safe = {str(one.location) for one in found if one.verdict is Verdict.PROVED}
    with suppress(KeyError, TypeError):  # Not all can be run without what a user sets.
        hazards = [*rounding(variant, defaults), *underflow(variant, defaults)]
        yield from (one for one in hazards if str(one.location) in safe)
        yield from overflow(variant, defaults)


def observed(rule: Rule) -> tuple[Observed, ...]:
    """What the runs of a rule look like, in each setting of its switches.

    Raises TooLargeError for a rule with too many settings, or values too large.
    """
    defaults = _defaults(rule)
    return tuple(
        Battery(one, _search(rule, one, defaults, Budget())).observed() for one in variants(rule)
    )


def _defaults(rule: Rule) -> dict[str, float]:
    return {
        h.name: float(h.default)
        for h in rule.hyperparameters
        if h.default is not None and not h.is_switch
    }


def _search(rule: Rule, variant: Variant, defaults: Mapping[str, float], budget: Budget) -> Search:
    """Where numbers for a variant are taken from."""
    of_rule = [h for h in rule.hyperparameters if not h.is_switch]
    own = frozenset([LEARNING_RATE, *(h.name for h in of_rule)])
    unbounded = frozenset(h.name for h in of_rule if h.range is None) - {LEARNING_RATE}
    integers = frozenset([STEP, CALL, *(h.name for h in rule.hyperparameters if h.integer)])
    first = {**_FIRST, **defaults}
    return Search(variant.known, first, integers, budget, own, unbounded)


def findings(rule: Rule) -> Iterator[Finding]:
    """The same one by one; of each variant what is only told comes last, and takes longest."""
    defaults = _defaults(rule)
    budget = Budget()
    try:
        for plain in variants(rule):
            search = _search(rule, plain, defaults, budget)
            reached = Reached(plain, search)
            variant, more = inferred(plain, reached)
            search = replace(search, known=variant.known)
            reached = reached.knowing(variant, search)
            yield from invariants(variant, reached)
            yield from more
            yield from _domains(variant, reached, defaults)
            yield from descent(variant, search)
            yield from oddness(variant, search)
            yield from degrees(variant, defaults)
            yield from weights(variant)
            yield from starts(variant, defaults)
            yield from memories(variant)
            yield from behaviours(variant, search)
            yield from units(variant, defaults)
            yield from sizes(variant, search, defaults)
    except TooLargeError:
        reason = "the rule has too many settings, or values too large, to be looked at as a whole"
        for group in Group:
            yield Finding(group, "nothing is known", Verdict.UNDECIDED, rule.location, "", reason)
