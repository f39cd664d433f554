"""Per-variable data of a built Keras optimizer."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from keras import ops
from keras.initializers import Constant
from keras.src.backend import standardize_dtype

from optgen.keras.order import groups_of
from optgen.runtime.dtypes import wide
from optgen.runtime.hyperparameters.declarations import State
from optgen.runtime.hyperparameters.settings import Row, Settings
from optgen.runtime.kernels import CHECK_FINITE, CONSTRAINED, PERTURBED
from optgen.runtime.model import LARGEST_GRADIENT, initial_value
from optgen.runtime.optimizer import Optimizer

#: Of a variable that takes its gradient's value.
LARGEST = State(LARGEST_GRADIENT, gathers=True)


@dataclass(frozen=True)
class Slot:
    """A variable, the variables that hold its states by name, and how it is treated.

    ``on`` is the setting of the switches for it; one that is ``overwritten`` takes its gradient's
    value.
    """

    variable: Any
    path: str
    states: dict[str, Any]
    row: Row
    on: dict[str, bool]
    overwritten: bool

    @property
    def dtype(self) -> str:
        """The dtype that updates are computed in, and states are kept in."""
        return _wide(self.variable)

    @property
    def constraint(self) -> Any:
        """What a variable is passed through after each update; None where there is none."""
        return getattr(self.variable, "constraint", None)


def new_slot(settings: Settings, variable: Any, path: str, row: Row, *, overwritten: bool) -> Slot:
    """A variable that has no states yet."""
    constraint = getattr(variable, "constraint", None)
    on = {
        **settings.on(),
        CHECK_FINITE: False,
        CONSTRAINED: constraint is not None,
        PERTURBED: False,
    }
    return Slot(variable, path, {}, row, on, overwritten)


def add_states(
    rule: type[Optimizer],
    slots: Sequence[Slot],
    settings: Settings,
    add_variable: Callable[..., Any],
) -> None:
    """Make the variables for the states of all slots, in Keras's order."""
    for group in groups_of(rule, [LARGEST]):
        for slot in slots:
            declared = states_of(rule, slot)
            for state in group:
                if state in declared:
                    variable = slot.variable
                    initial = initial_value(state.initial, settings, slot.row)
                    slot.states[state.name] = add_variable(
                        shape=variable.shape,
                        initializer=_initializer(initial, variable),
                        dtype=slot.dtype,
                        layout=getattr(variable, "_layout", None),
                        name=f"{re.sub('[/:]', '_', slot.path)}_{state.name}",
                    )


def states_of(rule: type[Optimizer], slot: Slot) -> list[State]:
    """The states that a variable has, in the order of their declaration."""
    declared = [state for state in rule.states if state.when(slot.on)]
    if not slot.overwritten:
        return declared
    return [LARGEST] if any(state.gathers for state in declared) else []


def _initializer(initial: float | None, variable: Any) -> Callable[..., Any]:
    """What a state begins with: one value, or for None that of its variable."""

    def same(shape: Any, dtype: Any) -> Any:
        # A copy: what two variables share can't be donated to a compiled step.
        return ops.cast(ops.copy(ops.convert_to_tensor(variable)), dtype)

    constant: Callable[..., Any] = Constant(initial or 0.0)
    return same if initial is None else constant


def _wide(variable: Any) -> str:
    return wide(str(standardize_dtype(variable.dtype)))


def paths_of(variables: Sequence[Any]) -> list[str]:
    """A path for each variable; variables of one path are told apart by their places."""
    found = [path_of(variable) for variable in variables]
    return [
        path if found.count(path) == 1 else f"{path}#{place}" for place, path in enumerate(found)
    ]


def path_of(variable: Any) -> str:
    """The path of a variable of Keras, or the name of one of a backend's own."""
    return str(getattr(variable, "path", None) or variable.name)
