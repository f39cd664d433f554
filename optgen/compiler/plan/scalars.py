"""Host scalars: values of a call, computed once in float64 and rounded once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from optgen.compiler.ir.condition import NEVER, Condition
from optgen.compiler.ir.expression import Expression, Operation, is_boolean, text
from optgen.compiler.ir.plan import Assignment
from optgen.compiler.ir.reserved import CONSTRAINED
from optgen.compiler.ir.rule import COUNTERS, Block, Rule
from optgen.compiler.plan.hoisted_names import fresh, words


class HostScalars:
    """The host assignments of all programs; a value hoisted several times is computed once."""

    def __init__(self, rule: Rule, switches: Mapping[str, str]) -> None:
        self._given = [h.name for h in rule.hyperparameters if not h.is_switch] + [*COUNTERS]
        self._taken = {*self._given, *switches.values(), *(s.name for s in rule.states)}
        self._taken |= {one.name for one in rule.inputs}
        for block in rule.blocks:
            self._taken |= {step.target for step in (*block.steps, *block.otherwise)}
        self._hoisted: dict[str, str] = {}
        self._booleans = frozenset(switches.values())
        self.assignments: list[Assignment] = []

    @property
    def names(self) -> tuple[str, ...]:
        """All host values: hyperparameters, counters, and assigned names."""
        return tuple(dict.fromkeys([*self._given, *(a.target for a in self.assignments)]))

    @property
    def booleans(self) -> frozenset[str]:
        """The host values that are conditions."""
        return self._booleans

    def assign(self, target: str, expression: Expression, guard: Condition, block: str) -> None:
        """Add an assignment of the rule, once even if several programs contain it."""
        boolean = is_boolean(expression, self._booleans)
        if boolean:
            self._booleans |= {target}
        guard = _once_a_call(guard)
        assignment = Assignment(target, expression, guard, block, boolean)
        if assignment not in self.assignments:
            self.assignments.append(assignment)

    def hoist(self, expression: Operation, guard: Condition, stem: str, block: str) -> str:
        """The name of the host value of a subexpression."""
        spelled = text(expression)
        name = self._hoisted.get(spelled)
        if name is None:
            name = fresh(words(expression), stem, self._taken)
            self._taken.add(name)
            self._hoisted[spelled] = name
            self.assign(name, expression, guard, block)
            return name
        guard = _once_a_call(guard)
        for position, old in enumerate(self.assignments):
            if old.target == name and not guard.implies(old.guard):
                self.assignments[position] = replace(old, guard=old.guard | guard)
        return name

    def gate(self, block: Block, proceed: Expression, guard: Condition) -> str:
        """The host value that states whether a gate permits the update."""
        name = fresh(f"{block.name}_proceeds", "gate", self._taken)
        self._taken.add(name)
        self.assign(name, proceed, guard, block.name)
        return name


def _once_a_call(guard: Condition) -> Condition:
    """A guard without the conditions that vary between the launches of one call."""
    found = NEVER
    for case in guard.cases:
        found |= Condition((tuple(one for one in case if one[0] != CONSTRAINED),))
    return found
