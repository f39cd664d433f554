"""Learning rates: features of a rule with a fallback use that of each variable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import names, rename
from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.reserved import MATRIX
from optgen.compiler.ir.rule import LEARNING_RATE, Rule, Step


def with_rates(features: Sequence[Rule], rule: Rule) -> tuple[Rule, ...]:
    """The features, whose lines with the learning rate use that of matrices, or that of others."""
    if not rule.fallback_rate:
        return tuple(features)
    return tuple(_with_rates(feature, rule.fallback_rate) for feature in features)


def _with_rates(feature: Rule, fallback_rate: str) -> Rule:
    def split(steps: Sequence[Step]) -> tuple[Step, ...]:
        return tuple(one for step in steps for one in _split(step, fallback_rate))

    blocks = (
        replace(
            block,
            steps=split(block.steps),
            otherwise=split(block.otherwise),
            perturb=split(block.perturb),
        )
        for block in feature.blocks
    )
    return replace(feature, blocks=tuple(blocks))


def _split(step: Step, fallback_rate: str) -> Iterator[Step]:
    """A step, or one for matrices and one for other variables."""
    if LEARNING_RATE not in names(step.expression):
        yield step
        return
    for is_matrix, rate in ((True, LEARNING_RATE), (False, fallback_rate)):
        guard = step.guard & Condition.of(MATRIX, is_matrix)
        if guard.cases:
            expression = rename(step.expression, {LEARNING_RATE: rate})
            yield replace(step, expression=expression, guard=guard)


def check_rates(rule: Rule, features: Sequence[Rule]) -> Iterator[Problem]:
    """Features that need one learning rate for all variables, where a rule has two."""
    if not rule.fallback_rate:
        return
    for feature in features:
        (block,) = feature.blocks
        places = [s.initial_at or s.location for s in feature.states if s.initial == LEARNING_RATE]
        if block.proceed is not None and LEARNING_RATE in names(block.proceed):
            places.append(block.proceed.location)
        for at in places:
            message = f"{rule.name} has another {LEARNING_RATE} for variables that aren't matrices"
            yield Problem(message, at, "use it in lines of the rule only")
