"""Versions: names of values that are assigned more than once, each with one value.

A number or vector is computed once and read by later stages, so its old and its new value need
names of their own. Arrays of elements are loaded and stored instead, and keep their names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

from optgen.compiler.ir.condition import ALWAYS, NEVER, Condition
from optgen.compiler.ir.expression import Expression, Name, names, rewrite
from optgen.compiler.ir.rule import Step

Owned = tuple[Step, str]


@dataclass
class _Version:
    """The newest version of a name: assigned where ``covered`` holds, else as ``before``.

    The name has a value where ``known`` holds.
    """

    name: str
    covered: Condition
    before: str | None
    known: Condition


class Versions:
    """Renames the values of some names in a list of steps."""

    def __init__(
        self,
        states: Mapping[str, Condition],
        locals_: Collection[str],
        fresh: Callable[[str], str],
    ) -> None:
        """``states`` are those that have versions, each with the condition that it exists."""
        self._states, self._locals, self._fresh = states, locals_, fresh
        self._newest: dict[str, _Version] = {}
        #: The state that each new name is a version of.
        self.made: dict[str, str] = {}
        #: Where each state is assigned.
        self._assigned: dict[str, Condition] = {}

    def renamed(self, steps: Sequence[Owned]) -> Iterator[Owned]:
        """The steps with a name for each version."""
        for step, block in steps:
            found = {name: self._use(name, step.guard) for name in names(step.expression)}
            for name in found:
                yield from self._closing(name, step.guard, block)
            chosen = {name: self._use(name, step.guard) for name in found}
            expression = rewrite(step.expression, partial(_replaced, chosen))
            target = step.target
            if target in self._states or target in self._locals:
                if self._overlaps(target, step.guard):
                    yield from self._closing(target, ALWAYS, block)
                target = self._assign(target, step.guard)
            yield replace(step, target=target, expression=expression), block
        for state, guard in self._assigned.items():
            yield from self._completing(state, guard, steps[-1][1])

    def finals(self) -> Iterator[tuple[str, str, Condition]]:
        """Each assigned state, the name of its final value, and where it has one."""
        for state, guard in self._assigned.items():
            yield state, self._newest[state].name, guard

    def _use(self, name: str, guard: Condition) -> str:
        newest = self._newest.get(name)
        if newest is None:
            return name
        if newest.before is not None and not (guard & newest.covered).cases:
            return newest.before
        return newest.name

    def _closing(self, name: str, guard: Condition, block: str) -> Iterator[Owned]:
        """The step that completes a version, if some of its uses are not covered."""
        newest = self._newest.get(name)
        if newest is None or newest.before is None:
            return
        open_ = newest.known & ~newest.covered
        if not open_.cases or not (guard & newest.covered).cases or not (guard & open_).cases:
            return
        newest.covered = ALWAYS
        at = Step(newest.name, Name(newest.before), open_, Name(name).location)
        yield at, block

    def _completing(self, state: str, guard: Condition, block: str) -> Iterator[Owned]:
        """The step that gives the final version of a state its value where an earlier one holds."""
        newest = self._newest[state]
        open_ = guard & ~newest.covered
        if newest.before is not None and open_.cases:
            yield Step(newest.name, Name(newest.before), open_, Name(state).location), block

    def _overlaps(self, name: str, guard: Condition) -> bool:
        newest = self._newest.get(name)
        return newest is not None and bool((newest.covered & guard).cases)

    def _assign(self, name: str, guard: Condition) -> str:
        """The name of the version that an assignment makes or completes."""
        if name in self._states:
            self._assigned[name] = self._assigned.get(name, NEVER) | guard
        newest = self._newest.get(name)
        if newest is not None and not (newest.covered & guard).cases:
            newest.covered |= guard
            newest.known |= guard
            return newest.name
        if newest is None and name not in self._states:
            self._newest[name] = _Version(name, guard, None, guard)
            return name
        before = newest.name if newest is not None else name
        made = self._fresh(f"new_{name}" if name in self._states else name)
        known = self._states.get(name) or (newest.known | guard if newest else guard)
        self._newest[name] = _Version(made, guard, before, known)
        if name in self._states:
            self.made[made] = name
        return made


def reassigned(steps: Sequence[Step]) -> set[str]:
    """Names that several steps assign in the same setting of the switches."""
    guards: dict[str, list[Condition]] = {}
    for step in steps:
        guards.setdefault(step.target, []).append(step.guard)
    return {
        name
        for name, found in guards.items()
        if any((a & b).cases for a, b in combinations(found, 2))
    }


def _replaced(chosen: Mapping[str, str], part: Expression) -> Expression | None:
    if isinstance(part, Name) and chosen.get(part.id, part.id) != part.id:
        return Name(chosen[part.id], part.location)
    return None
