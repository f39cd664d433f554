"""Draws: what decides their numbers in the place of the step is known before a call."""

from __future__ import annotations

from collections.abc import Iterator

from optgen.compiler.ir.expression import Expression, Operation, text, walk
from optgen.compiler.ir.extent import Extent
from optgen.compiler.ir.extents import AMOUNTS, Extents
from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.randomness import DRAWS, key_of
from optgen.compiler.ir.reserved import RANDOM_KEYS
from optgen.compiler.ir.rule import Rule, Step


def check_draws(rule: Rule) -> Iterator[Problem]:
    """Keys of draws that aren't one number of a call, or too many of them."""
    for block in rule.blocks:
        for steps in (block.steps, block.otherwise, block.perturb):
            yield from _check_steps(rule, steps)


def _check_steps(rule: Rule, steps: tuple[Step, ...]) -> Iterator[Problem]:
    extents = Extents(rule.states, steps, rule.inputs)
    known: set[str] = set()
    for draw, key in _keys(steps):
        known.add(text(key))
        if (found := extents.of(key)) is not Extent.CALL:
            message = f"what {draw} takes is known before a call, and this has {AMOUNTS[found]}"
            hint = "compute it from hyperparameters, call and step"
            yield Problem(message, key.location, hint)
        elif len(known) == len(RANDOM_KEYS) + 1:
            known.add("")
            message = f"the rule draws by more than {len(RANDOM_KEYS)} different numbers"
            yield Problem(message, key.location, "assign a draw to a name, and use the name")


def _keys(steps: tuple[Step, ...]) -> Iterator[tuple[str, Expression]]:
    for part in (part for step in steps for part in walk(step.expression)):
        if not isinstance(part, Operation) or part.operator not in DRAWS:
            continue
        if (key := key_of(part)) is not None:
            yield part.operator, key
