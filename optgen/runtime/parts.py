"""The parts of a model that differ between front ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from optgen.runtime.cpu.scalars import Steps
from optgen.runtime.memory import Host, Mask, Memory
from optgen.runtime.transaction import Call

Array = Any


class StateSource(Protocol):
    """Allocates the states of variables."""

    def state(
        self, memory: Memory, variables: Sequence[Array], index: int, name: str, value: float | None
    ) -> Array:
        """A state of one variable: of one value, or of the variable's own for None."""

    def number(
        self,
        memory: Memory,
        variables: Sequence[Array],
        index: int | None,
        name: str,
        shape: tuple[int, ...],
        value: float,
    ) -> Array:
        """A float64 state of one variable, or of all for None: a number, or a vector."""


class Ages(Protocol):
    """The ages of variables in updates, which select their rows of scalars."""

    def next(self, updates: int) -> Steps:
        """The number of the next update, or one for each variable; there were so many ``updates``.

        Raises ValueError where it isn't known.
        """

    def counting(self, chosen: Mask) -> Sequence[Call]:
        """The calls that count an update of some variables."""


class Whole(Protocol):
    """The larger variables that these are shards of, across processes."""

    sizes: Host

    def complete(self, results: Host, orders: Sequence[int]) -> None:
        """Turn results for parts, a row for each, into those for the whole, in place.

        ``orders`` are 0 for a column of sums, 1 for largest and -1 for smallest values.
        """


class NewStates:
    """Allocates every state."""

    def state(
        self, memory: Memory, variables: Sequence[Array], index: int, name: str, value: float | None
    ) -> Array:
        """A new array, laid out like its variable."""
        return memory.new(variables[index], value)

    def number(
        self,
        memory: Memory,
        variables: Sequence[Array],
        index: int | None,
        name: str,
        shape: tuple[int, ...],
        value: float,
    ) -> Array:
        """A new array, in the memory of its variable."""
        return memory.numbers(variables[index or 0], shape, value)


class OneAge:
    """All variables have the age of the optimizer."""

    def next(self, updates: int) -> Steps:
        """The number of the next update of the optimizer."""
        return updates + 1

    def counting(self, chosen: Mask) -> Sequence[Call]:
        """None: the optimizer counts."""
        return ()


@dataclass(frozen=True)
class Parts:
    """The parts of a model, by default those for plain arrays."""

    states: StateSource = NewStates()  # noqa: RUF009 (it holds nothing)
    ages: Ages = OneAge()  # noqa: RUF009
    whole: Whole | None = None


PLAIN = Parts()
