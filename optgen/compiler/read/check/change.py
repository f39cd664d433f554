"""The change of the parameter: the last step of a rule takes it off."""

from __future__ import annotations

from collections.abc import Iterator

from optgen.compiler.ir.condition import ALWAYS
from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.rule import CHANGE, CHANGED, ENDING, PARAM, Rule


def check_change(rule: Rule) -> Iterator[Problem]:
    """A problem for an optimizer that computes a change and does something else with it."""
    (block,) = rule.blocks
    if block.slot is not None or all(step.target != CHANGE for step in block.steps):
        return
    last = block.steps[-1]
    if (last.target, last.expression, last.guard) != (PARAM, CHANGED, ALWAYS):
        (*_, found) = (step for step in block.steps if step.target == PARAM)
        message = f"{CHANGE!r} is what a rule takes off {PARAM}, and this rule assigns {PARAM} too"
        hint = f"end with {ENDING}, or give {CHANGE!r} another name"
        yield Problem(message, found.location, hint)
