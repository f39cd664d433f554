"""The way back from a second point: the lines of an update that restore the parameter."""

from __future__ import annotations

from dataclasses import replace

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import REDUCTIONS, Operation, names, walk
from optgen.compiler.ir.randomness import DRAWS
from optgen.compiler.ir.reserved import PERTURBED
from optgen.compiler.ir.rule import GRAD, PARAM, Block, Rule, Step


def way_back(rule: Rule, block: Block) -> tuple[Step, ...]:
    """The steps under ``if perturbed`` that give the parameter its value at the first point.

    There are none where these depend on anything besides the parameter, states and hyperparameters
    as they are before the update: then no call but an update can come back.
    """
    moved = Condition.of(PERTURBED)
    if not block.perturb or rule.hyperparameter(PERTURBED) is not None:
        return ()
    kept: list[Step] = []
    needed = {PARAM}
    for step in reversed(block.steps):
        if step.target in needed and step.guard.implies(moved):
            kept.append(step)
            needed |= {*names(step.expression)}
    own = {step.target for step in kept}
    foreign = {step.target for step in block.steps if not step.guard.implies(moved)} - {PARAM}
    given = {GRAD, *(state.name for state in rule.states if state.name in own)}
    given |= {one.name for one in rule.inputs}
    if needed & (foreign | given) or not all(_is_plain(step) for step in kept):
        return ()
    return tuple(replace(step, guard=step.guard & moved) for step in reversed(kept))


def _is_plain(step: Step) -> bool:
    """Whether a step has neither reductions nor random numbers."""
    parts = (part for part in walk(step.expression) if isinstance(part, Operation))
    return not any(part.operator in REDUCTIONS or part.operator in DRAWS for part in parts)
