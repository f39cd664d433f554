"""The parts of a model that differ between front ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from optgen.runtime.cpu.scalars import Steps
from optgen.runtime.matrix_library import MatrixLibrary
from optgen.runtime.memory import Mask, Memory
from optgen.runtime.shards import Whole
from optgen.runtime.transaction import Call

Array = Any


class StateSource(Protocol):
    """Allocates the states of variables."""

    def state(
        self,
        memory: Memory,
        variables: Sequence[Array],
        index: int,
        name: str,
        value: float | None,
        storage: str,
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
        *,
        is_own: bool = False,
    ) -> Array:
        """A state of one variable, or of all for None: a number, a vector, or a square.

        It is float64 unless its dtype is the variable's ``own``.
        """


class Ages(Protocol):
    """The ages of variables in updates, which select their rows of scalars."""

    def next(self, updates: int) -> Steps:
        """The number of the next update, or one for each variable; there were so many ``updates``.

        Raises ValueError where it isn't known.
        """

    def counting(self, chosen: Mask) -> Sequence[Call]:
        """The calls that count an update of some variables."""


class NewStates:
    """Allocates every state."""

    def state(
        self,
        memory: Memory,
        variables: Sequence[Array],
        index: int,
        name: str,
        value: float | None,
        storage: str,
    ) -> Array:
        """A new array, laid out like its variable."""
        return memory.new(variables[index], value, storage)

    def number(
        self,
        memory: Memory,
        variables: Sequence[Array],
        index: int | None,
        name: str,
        shape: tuple[int, ...],
        value: float,
        *,
        is_own: bool = False,
    ) -> Array:
        """A new array, in the memory of its variable."""
        return memory.numbers(variables[index or 0], shape, value, is_own=is_own)


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
    #: What computes functions of matrices, if it isn't the library of the memory.
    library: MatrixLibrary | None = None

    @property
    def owned(self) -> Mapping[int, bool]:
        """The variables of which one of several processes has all: whether this one has."""
        return {} if self.whole is None else self.whole.owned


PLAIN = Parts()
