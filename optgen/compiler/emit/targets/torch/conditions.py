"""Switches as Python conditions over hyperparameters and inputs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from optgen.compiler.emit.targets.torch.nodes import parsed, written
from optgen.compiler.ir.condition import Case, Condition
from optgen.compiler.ir.expression import (
    COMPARISONS,
    GIVEN,
    NEGATIONS,
    Expression,
    Name,
    Operation,
    names,
    rename,
    text,
)
from optgen.compiler.ir.plan import Plan


class Conditions:
    """Spells guards; ``identifiers`` are those of names that are spelled otherwise.

    ``zeros`` are optional hyperparameters that are off where they are 0.
    """

    def __init__(self, plan: Plan, identifiers: Mapping[str, str], zeros: Collection[str]) -> None:
        self._identifiers, self._zeros = identifiers, zeros
        self._optional = {h.name for h in plan.rule.hyperparameters if h.optional} - {*zeros}
        found = {one.name: one.condition for one in plan.switches if one.condition is not None}
        guards = {buffer.name: buffer.guard for buffer in plan.buffers}
        given = ((atom, i.name) for i in plan.rule.inputs for atom in guards[i.name].atoms)
        self._conditions = found | {a: Operation(GIVEN, (Name(name),)) for a, name in given}

    def used(self, guard: Condition) -> set[str]:
        """The names that a guard depends on."""
        return {name for atom in guard.atoms for name in names(self._condition(atom))}

    def spelled(self, guard: Condition) -> str:
        """A guard as a Python expression."""
        cases = [" and ".join(self._literals(case)) or "True" for case in guard.cases]
        if len(cases) == 1:
            return cases[0]
        return " or ".join(f"({case})" if " and " in case else case for case in cases) or "False"

    def python(self, condition: Expression) -> str:
        """A condition on numbers, which means the same in Python as in a spec."""
        return written(parsed(text(rename(condition, self._identifiers))))

    def _condition(self, atom: str) -> Expression:
        return self._conditions.get(atom, Name(atom))

    def _literals(self, case: Case) -> Iterator[str]:
        for atom, holds in case:
            found = self._literal(self._condition(atom), holds)
            is_joined = " and " in found or " or " in found
            yield f"({found})" if is_joined and len(case) > 1 else found

    def _literal(self, condition: Expression, holds: bool) -> str:
        match condition:
            case Name():
                return self.python(condition if holds else Operation("not", (condition,)))
            case Operation("given", (Name(name),)) if name in self._zeros:
                return f"{self._identifiers.get(name, name)} {'!=' if holds else '=='} 0"
            case Operation("given", (Name(name),)):
                return f"{self._identifiers.get(name, name)} is {'not ' if holds else ''}None"
        asked = [name for name in names(condition) if name in self._optional]
        if asked:
            known = [f"{self._identifiers.get(name, name)} is not None" for name in asked]
            made = " and ".join([*known, self.python(condition)])
            return made if holds else f"not ({made})"
        return self.python(condition if holds else _negated(condition))


def _negated(condition: Expression) -> Expression:
    if isinstance(condition, Operation) and condition.operator in COMPARISONS:
        return Operation(NEGATIONS[condition.operator], condition.operands)
    return Operation("not", (condition,))
