"""Per-variable data of a built Keras optimizer."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops
from keras.initializers import Constant
from keras.src.backend import standardize_dtype

from optgen.keras.arithmetic import host_dtype
from optgen.keras.order import groups_of
from optgen.runtime.allocation import ELEMENT, initial_value
from optgen.runtime.dtypes import wide_name
from optgen.runtime.hyperparameters.declarations import BLOCK, RANK, State
from optgen.runtime.hyperparameters.settings import Row, Settings
from optgen.runtime.hyperparameters.storage import Storage
from optgen.runtime.kernels import CHECK_FINITE, CONSTRAINED, MATRIX, OPTIMIZER, PERTURBED
from optgen.runtime.matrix_calls import is_matrix, multiple_of_identity
from optgen.runtime.model import LARGEST_GRADIENT
from optgen.runtime.operations.forms import Form
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
    form: Form

    @property
    def dtype(self) -> str:
        """The dtype that updates are computed in."""
        return wide_name(self._own_dtype)

    @property
    def _own_dtype(self) -> str:
        return str(standardize_dtype(self.variable.dtype))

    def stored(self, state: State, storage: Storage) -> str:
        """The dtype of the variable that holds a state."""
        if state.shape != ELEMENT:
            return self.dtype if is_matrix(state.shape) else host_dtype()
        if state is LARGEST:
            return self._own_dtype
        return storage.of(state.name, self.path, self._own_dtype)

    @property
    def constraint(self) -> Any:
        """What a variable is passed through after each update; None where there is none."""
        return getattr(self.variable, "constraint", None)


def new_slot(
    settings: Settings, view: str, variable: Any, path: str, row: Row, *, overwritten: bool
) -> Slot:
    """A variable that has no states yet; ``view`` is that of its rule."""
    constraint = getattr(variable, "constraint", None)
    shape = tuple(variable.shape)
    view = view if len(shape) > 1 and MATRIX not in row.excluded else ""
    form = Form(ops, shape, view, *(settings.bound_of(kind, row) for kind in (RANK, BLOCK)))
    on = {
        **settings.on(),
        CHECK_FINITE: False,
        CONSTRAINED: constraint is not None,
        MATRIX: form.is_viewed,
        PERTURBED: False,
    }
    return Slot(variable, path, {}, row, on, overwritten, form)


def add_states(
    rule: type[Optimizer],
    slots: Sequence[Slot],
    settings: Settings,
    storage: Storage,
    add_variable: Callable[..., Any],
) -> dict[str, Any]:
    """Make the variables for the states of all slots, in Keras's order.

    Returns those that all variables share, which come last.
    """
    for group in groups_of(rule, [LARGEST]):
        for slot in slots:
            declared = states_of(rule, slot)
            for state in group:
                if state in declared:
                    initial = initial_value(state, settings, slot.row)
                    dtype = slot.stored(state, storage)
                    slot.states[state.name] = _state(slot, state, initial, dtype, add_variable)
    return {
        state.name: add_variable(
            shape=(),
            initializer=_exactly(initial_value(state, settings, Row())),
            dtype=host_dtype(),
            name=state.name,
        )
        for state in rule.states
        if state.shape == OPTIMIZER
        and any(state.when(slot.on) and not slot.overwritten for slot in slots)
    }


def _state(
    slot: Slot, state: State, initial: float | None, dtype: str, add_variable: Callable[..., Any]
) -> Any:
    """A new variable of a dtype for a state of another one."""
    variable = slot.variable
    name = f"{re.sub('[/:]', '_', slot.path)}_{state.name}"
    if state.shape != ELEMENT:
        shape = slot.form.length(state.shape)
        begun = _diagonal(initial) if is_matrix(state.shape) else _exactly(initial)
        return add_variable(shape=shape, initializer=begun, dtype=dtype, name=name)
    return add_variable(
        shape=variable.shape,
        initializer=_initializer(initial, variable),
        dtype=dtype,
        layout=getattr(variable, "_layout", None),
        name=name,
    )


def states_of(rule: type[Optimizer], slot: Slot) -> list[State]:
    """The states that a variable has of its own, in the order of their declaration."""
    declared = [s for s in rule.states if s.shape != OPTIMIZER and s.when(slot.on)]
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


def _exactly(value: float | None) -> Callable[..., Any]:
    """What a number or vector begins with; Keras's own constants have float32's precision."""
    return lambda shape, dtype: ops.convert_to_tensor(np.full(shape, value or 0.0), dtype)


def _diagonal(value: float | None) -> Callable[..., Any]:
    """What a square begins with: a multiple of the identity."""
    return lambda shape, dtype: ops.convert_to_tensor(
        multiple_of_identity(tuple(shape), value or 0.0, "float64"), dtype
    )


def paths_of(variables: Sequence[Any]) -> list[str]:
    """A path for each variable; variables of one path are told apart by their places."""
    found = [path_of(variable) for variable in variables]
    return [
        path if found.count(path) == 1 else f"{path}#{place}" for place, path in enumerate(found)
    ]


def path_of(variable: Any) -> str:
    """The path of a variable of Keras, or the name of one of a backend's own."""
    return str(getattr(variable, "path", None) or variable.name)
