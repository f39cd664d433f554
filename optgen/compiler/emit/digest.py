"""A digest of the meaning of a rule; files, comments and documentation are excluded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from optgen.compiler.ir.condition import Condition
from optgen.compiler.ir.expression import text
from optgen.compiler.ir.rule import Block, Rule, Step


def rule_digest(rule: Rule) -> str:
    """32 hexadecimal digits that change with the meaning of a composed rule."""
    return hashlib.sha256("\n".join(_lines(rule)).encode()).hexdigest()[:32]


def _lines(rule: Rule) -> Iterator[str]:
    yield rule.name
    if rule.compute:
        yield f"compute {rule.compute}"
    for state in rule.states:
        yield f"state {state.name} {state.initial!r} {_guard_text(state.when)}"
    for block in rule.blocks:
        yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    yield f"block {block.name} {block.every_variable}"
    yield from map(_step, block.steps)
    if block.proceed is not None:
        yield f"proceed {text(block.proceed)} {_guard_text(block.when)}"
        yield from map(_step, block.otherwise)


def _step(step: Step) -> str:
    return f"{step.target} = {text(step.expression)} {_guard_text(step.guard)}"


def _guard_text(guard: Condition) -> str:
    return repr(guard.cases)
