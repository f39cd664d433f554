"""States that may take the place of the variables, for evaluation or at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import get_ident

from optgen.runtime.arrays import AnyArray as Array
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.locking import Turn
from optgen.runtime.model import Model
from optgen.runtime.transaction import Call, later

#: A model, its variables with what stands in for each, and calls that belong to each change.
Standing = tuple[Model | None, list[tuple[Array, Array]], Sequence[Call]]


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


def settle(
    model: Model | None, pairs: Sequence[tuple[Array, Array]], also: Sequence[Call] = ()
) -> None:
    """Give variables of a model the value of their stand-ins, and make the calls that belong to it.

    All of them or none.
    """
    if model is not None:
        model.memory.commit([*(model.memory.assigning(*pair) for pair in pairs), *also])


@contextmanager
def standing_in(turn: Turn, owner: str, find: Callable[[], Standing]) -> Iterator[None]:
    """Variables hold the value of their stand-ins inside, and their own again behind.

    ``find`` is called when it is this thread's turn. Raises RuntimeError where variables hold it
    already, or while a step is made.
    """
    back = later([])
    try:
        with turn.lock:
            turn.refuse_inside(owner, "change variables")
            if turn.evaluator is not None:
                raise RuntimeError("averaged() can't be entered twice")
            model, pairs, also = find()
            ending = setattr, turn, "evaluator", None
            if model is None:
                back = later([ending])
            else:
                memory = model.memory
                own = [memory.assigning(one, memory.new(one, None)) for one, _ in pairs]
                back = memory.later([*own, *also, ending])
            # From here on no thread makes a step.
            turn.evaluator = get_ident()
            settle(model, pairs, also)
        yield
    finally:
        back()
