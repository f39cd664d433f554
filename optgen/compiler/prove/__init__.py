"""Prove: Rule → findings. What is true of a rule wherever its names may lie, and what isn't."""

from __future__ import annotations

from collections.abc import Iterator

from optgen.compiler.nouns.proof import Finding
from optgen.compiler.nouns.rule import Rule
from optgen.compiler.prove.degree import degrees
from optgen.compiler.prove.descent import descent
from optgen.compiler.prove.domains import domains
from optgen.compiler.prove.invariants import invariants
from optgen.compiler.prove.parity import oddness
from optgen.compiler.prove.variant import variants

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
    first = {**_FIRST, **defaults}
    for variant in variants(rule):
        yield from invariants(variant, first)
        yield from domains(variant, first)
        yield from descent(variant, first)
        yield from oddness(variant, first)
        yield from degrees(variant, defaults)
