"""The order of states in ``variables``: Keras's, so that files are interchangeable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops
from keras.src.backend import standardize_dtype

from optgen.runtime.dtypes import HALVES
from optgen.runtime.hyperparameters.declarations import State, always
from optgen.runtime.kernels import MATRIX
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.state.rounded import Rounded

#: The entries of a file, by place, and the variables that they are for.
Store = Mapping[str, Any]
_HALVES = frozenset(one.name for one in HALVES)


def groups_of(rule: type[Optimizer], more: Sequence[State]) -> list[list[State]]:
    """States in groups: a group lies variable by variable, and behind the group before.

    First come averages of variables, then what gathers gradients, then the states that the rule
    always has, and then each other one, in the order of the arguments that turn it on.
    """
    every = [*rule.states, *more]
    first = [[state] for state in every if state.stands_in]
    gathering = [state for state in every if state.gathers]
    own = [state for state in every if not state.stands_in and not state.gathers]
    fixed = [state for state in own if state.when is always]
    others = sorted((state for state in own if state.when is not always), key=_asks(rule))
    return [*first, gathering, fixed, *([state] for state in others)]


def _asks(rule: type[Optimizer]) -> Any:
    """Gives the place of the first argument that turns a state on by itself."""
    names = [h.name for h in rule.hyperparameters]

    def place(state: State) -> int:
        for number, name in enumerate(names):
            on = {switch.name: name in (switch.name, *switch.asks) for switch in rule.switches}
            if any(state.when({**on, MATRIX: is_matrix}) for is_matrix in (False, True)):
                return number
        return len(names)

    return place


def fitting(store: Store, orders: Sequence[Sequence[Any]], owner: str) -> Sequence[Any]:
    """The first order of variables whose shapes are those of the entries of a file.

    Raises ValueError, naming what differs from the first order, where none is.
    """
    shapes = [tuple(store[str(place)].shape) for place in range(len(orders[0]))]
    for order in orders:
        if [tuple(variable.shape) for variable in order] == shapes:
            return order
    pairs = zip(orders[0], shapes, strict=True)
    differing = [
        f"{variable.path} has shape {tuple(variable.shape)}, the file {shape}"
        for variable, shape in pairs
        if tuple(variable.shape) != shape
    ]
    raise ValueError(f"{owner}: the state doesn't fit, nothing is loaded: {'; '.join(differing)}")


def assign(store: Store, order: Sequence[Any], owner: str) -> None:
    """Give variables the values of the entries of a file; warns of those that are rounded."""
    rounded, values = Rounded(), []
    for place, variable in enumerate(order):
        entry, dtype = store[str(place)], str(standardize_dtype(variable.dtype))
        values.append(ops.convert_to_tensor(entry, dtype=dtype))
        if dtype in _HALVES and not _are_same(entry, values[-1]):
            rounded.add(variable.name, str(entry.dtype), dtype)
    rounded.warn(f"{owner}: a state in another storage")
    for variable, value in zip(order, values, strict=True):
        variable.assign(value)


def _are_same(entry: Any, value: Any) -> bool:
    kept = ops.convert_to_numpy(ops.cast(value, "float32"))
    return np.array_equal(np.asarray(entry, np.float64), kept.astype(np.float64), equal_nan=True)
