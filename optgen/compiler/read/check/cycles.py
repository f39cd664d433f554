"""Cyclic definitions."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from optgen.compiler.ir.expression import Name, names
from optgen.compiler.ir.problem import Problem
from optgen.compiler.ir.rule import Step


def cycle(
    part: Name, steps: Sequence[Step], position: int, states: Collection[str]
) -> Problem | None:
    """The cycle in which a name is used before its assignment; None if there is no cycle."""
    name, target = part.id, steps[position].target
    if name == target:
        message = f"a cycle: {name!r} is computed from itself, and has no value yet"
    elif _needs(steps, name, target):
        message = f"a cycle: {name!r} needs {target!r}, which this line computes from {name!r}"
    else:
        return None
    return Problem(message, part.location, _way_out(name, steps, states))


def _needs(steps: Sequence[Step], name: str, origin: str) -> bool:
    """Whether the assignments of a name depend on ``origin``, directly or transitively."""
    needs: dict[str, set[str]] = {}
    for step in steps:
        needs.setdefault(step.target, set()).update(names(step.expression))
    seen, waiting = {name}, [name]
    while waiting:
        found = needs.get(waiting.pop(), set())
        if origin in found:
            return True
        waiting += found - seen
        seen |= found
    return False


def _way_out(name: str, steps: Sequence[Step], states: Collection[str]) -> str:
    """A hint to read the value before the update from the state that stores this name."""
    for step in steps:
        if step.target in states and step.expression == Name(name):
            return f"use {step.target!r} here, which still has the value before the update"
    return f"keep {name!r} as a state, and use its value before the update"
