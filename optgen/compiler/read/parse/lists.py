"""Lists and queues: what has several items, each of which may have states of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from optgen.compiler.ir.expression import Expression, Name, Number, Operation, rewrite
from optgen.compiler.ir.spec import Spec

#: The number of items of a list.
LENGTH = "len"
#: The value that the next one pushes out of a queue.
OLDEST = "oldest"


@dataclass(frozen=True)
class Lists:
    """The items of each list, and the states that each item has.

    An item is a hyperparameter; of a queue, it is the age of its values. Inside of a loop over the
    list, such a state has the name that it is declared with.
    """

    items: Mapping[str, tuple[Name | Number, ...]]
    states: Mapping[str, tuple[str, ...]]
    #: The states of queues, each with the names of its values, the newest first.
    queued: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, spec: Spec) -> Lists:
        """The lists of a spec."""
        items: dict[str, tuple[Name | Number, ...]] = {
            queue.name.value: tuple(map(Number, range(1, queue.length + 1)))
            for queue in spec.queues
        }
        queues, queued = {*items}, dict[str, tuple[str, ...]]()
        states: dict[str, tuple[str, ...]] = {}
        for entry in spec.hyperparameters:
            if entry.of_list:
                items[entry.of_list] = (*items.get(entry.of_list, ()), Name(entry.name.value))
        for state in spec.states:
            if state.of_list:
                found = states.get(state.of_list, ())
                states[state.of_list] = tuple(dict.fromkeys((*found, state.inside)))
            if state.of_list in queues:
                queued[state.inside] = (*queued.get(state.inside, ()), state.name.value)
        return cls(items, states, queued)

    @property
    def functions(self) -> dict[str, int]:
        """The functions of lists and queues, with their numbers of arguments."""
        return {
            **dict.fromkeys([LENGTH] if self.items else [], 1),
            **dict.fromkeys([OLDEST] if self.queued else [], 1),
        }

    def inside(self, listed: str, number: int) -> dict[str, str]:
        """The states of one item, counted from 1, by their names in a loop."""
        return {state: f"{state}_{number}" for state in self.states.get(listed, ())}

    def resolved(self, expression: Expression) -> Expression:
        """The expression with lengths of lists as numbers, and values of queues as states."""

        def change(part: Expression) -> Expression | None:
            if not isinstance(part, Operation) or part.operator not in self.functions:
                return None
            (listed,) = part.operands
            if not isinstance(listed, Name):
                return None
            if part.operator == LENGTH and listed.id in self.items:
                return Number(len(self.items[listed.id]), part.location)
            if part.operator != LENGTH and listed.id in self.queued:
                return Name(self.queued[listed.id][-1], part.location)
            return None

        return rewrite(expression, change)

    def misused(self, name: str) -> tuple[str, str]:
        """A message and a hint for a name that has a value inside of a loop only, or nothing."""
        if name in self.items:
            return f"{name!r} is a list, and a number is needed here", f"write for … in {name}:"
        for listed, states in self.states.items():
            if name in states:
                message = f"{name!r} is a state of each item of {listed!r}"
                more = f", or take {OLDEST}({name})" if name in self.queued else ""
                return message, f"use it inside of for … in {listed}:{more}"
        return "", ""

    def misapplied(self, operation: Operation) -> tuple[str, str]:
        """A message and a hint for a function of lists whose argument is none, or nothing."""
        if operation.operator not in self.functions:
            return "", ""
        if operation.operator == LENGTH:
            return f"{LENGTH} takes a list", "name one"
        return f"{operation.operator} takes a state of a queue", "name one"


def pushed(
    values: Sequence[str], newest: Expression, condition: Expression | None
) -> Iterator[tuple[str, Expression]]:
    """What each value of a queue becomes, in order, where a newest one pushes out the oldest.

    Where a condition doesn't hold, all stay what they are.
    """
    for name, new in reversed([*zip(values, (newest, *map(Name, values)), strict=False)]):
        stays = Name(name)
        yield name, new if condition is None else Operation("where", (condition, new, stays))
