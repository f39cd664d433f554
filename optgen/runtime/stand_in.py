"""States that may take the place of the variables, for evaluation or at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.declarations import State
from optgen.runtime.model import Model
from optgen.runtime.whole import Call, later


def stand_ins(
    model: Model | None,
    declared: Sequence[State],
    updates: int,
    only: Sequence[Array] | None = None,
) -> list[tuple[Array, Array]]:
    """Variables, each with the state that may take its place; all, or ``only`` some.

    Before the first of ``updates`` there is none that could. Raises ValueError for a variable
    that isn't known.
    """
    if model is None:
        return []
    indices = range(len(model.variables)) if only is None else model.positions(only)
    return [
        (model.variables[index], array)
        for state in declared
        if state.stands_in and updates
        for index in indices
        for array in [model.states[state.name][index]]
        if array is not None
    ]


def settle(model: Model | None, pairs: Sequence[tuple[Array, Array]]) -> None:
    """Give variables of a model the value of their stand-ins; all of them or none."""
    if model is not None:
        model.memory.commit([model.memory.assigning(*pair) for pair in pairs])


def returning(model: Model | None, pairs: Sequence[tuple[Array, Array]]) -> list[Call]:
    """The calls that give variables the value again that they have now."""
    if model is None:
        return []
    memory = model.memory
    return [memory.assigning(variable, memory.new(variable, None)) for variable, _ in pairs]


@contextmanager
def replaced(model: Model | None, pairs: Sequence[tuple[Array, Array]]) -> Iterator[None]:
    """Variables hold the value of their stand-ins inside, and their own again behind."""
    back = later([]) if model is None else model.memory.later(returning(model, pairs))
    try:
        settle(model, pairs)
        yield
    finally:
        back()
