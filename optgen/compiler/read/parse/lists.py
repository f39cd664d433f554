"""Lists: hyperparameters with several items, each of which may have states of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optgen.compiler.ir.expression import Expression, Name, Number, Operation, rewrite
from optgen.compiler.ir.spec import Spec

#: The number of items of a list.
LENGTH = "len"


@dataclass(frozen=True)
class Lists:
    """The hyperparameters that are items of each list, and the states that each item has.

    Inside of a loop over the list, such a state has the name that it is declared with.
    """

    items: Mapping[str, tuple[str, ...]]
    states: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, spec: Spec) -> Lists:
        """The lists of a spec."""
        items: dict[str, tuple[str, ...]] = {}
        states: dict[str, tuple[str, ...]] = {}
        for entry in spec.hyperparameters:
            if entry.of_list:
                items[entry.of_list] = (*items.get(entry.of_list, ()), entry.name.value)
        for state in spec.states:
            if state.of_list:
                found = states.get(state.of_list, ())
                states[state.of_list] = tuple(dict.fromkeys((*found, state.inside)))
        return cls(items, states)

    def inside(self, listed: str, number: int) -> dict[str, str]:
        """The states of one item, counted from 1, by their names in a loop."""
        return {state: f"{state}_{number}" for state in self.states.get(listed, ())}

    def counted(self, expression: Expression) -> Expression:
        """The expression with the lengths of lists as numbers."""

        def change(part: Expression) -> Expression | None:
            if isinstance(part, Operation) and part.operator == LENGTH:
                (listed,) = part.operands
                if isinstance(listed, Name) and listed.id in self.items:
                    return Number(len(self.items[listed.id]), part.location)
            return None

        return rewrite(expression, change)

    def misused(self, name: str) -> tuple[str, str]:
        """A message and a hint for a name that has a value inside of a loop only, or nothing."""
        if name in self.items:
            return f"{name!r} is a list, and a number is needed here", f"write for … in {name}:"
        for listed, states in self.states.items():
            if name in states:
                message = f"{name!r} is a state of each item of {listed!r}"
                return message, f"use it inside of for … in {listed}:"
        return "", ""
