"""The two rules of one with a fallback: that of matrices, and that of other variables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from optgen.compiler.ir.condition import NEVER, Condition
from optgen.compiler.ir.expression import names, rename
from optgen.compiler.ir.reserved import MATRIX
from optgen.compiler.ir.rule import LEARNING_RATE, Rule


def branches(rule: Rule) -> Iterator[tuple[Rule, dict[str, bool]]]:
    """The rule, or both of a rule with a fallback, each with the conditions that are decided."""
    if not rule.fallback:
        yield rule, {}
        return
    for is_matrix in (True, False):
        yield _branch(rule, is_matrix), {MATRIX: is_matrix}


def _branch(rule: Rule, is_matrix: bool) -> Rule:
    """The steps and states for matrices, or those for other variables."""
    here = Condition.of(MATRIX, is_matrix)
    (block,) = rule.blocks
    steps = tuple(step for step in block.steps if step.guard & here != NEVER)
    states = tuple(state for state in rule.states if state.when & here != NEVER)
    part = replace(rule, blocks=(replace(block, steps=steps),), states=states)
    return part if is_matrix else _with_one_rate(part)


def _with_one_rate(rule: Rule) -> Rule:
    """A rule whose learning rate has the usual name, which analyses know."""
    if any(rule.fallback_rate in names(atom) for atom in rule.atoms.values()):
        return rule
    new, (block,) = {rule.fallback_rate: LEARNING_RATE}, rule.blocks
    return replace(
        rule,
        hyperparameters=tuple(
            replace(
                h,
                name=new.get(h.name, h.name),
                range=None if h.range is None else rename(h.range, new),
            )
            for h in rule.hyperparameters
            if h.name != LEARNING_RATE
        ),
        blocks=(
            replace(
                block,
                steps=tuple(replace(s, expression=rename(s.expression, new)) for s in block.steps),
            ),
        ),
        states=tuple(
            replace(s, invariant=None if s.invariant is None else rename(s.invariant, new))
            for s in rule.states
        ),
    )
