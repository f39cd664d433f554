"""The state of an optimizer as a tree, and its first values."""

from __future__ import annotations

from typing import Any, NamedTuple

from jax import numpy as jnp

from optgen.jax.arithmetic import host_dtype
from optgen.jax.hyperparameters import Hyperparameters
from optgen.jax.leaves import Leaf
from optgen.runtime.allocation import ELEMENT
from optgen.runtime.dtypes import HALVES, NATIVE
from optgen.runtime.hyperparameters.declarations import State as Declared
from optgen.runtime.hyperparameters.settings import Row
from optgen.runtime.hyperparameters.storage import ARGUMENTS, Storage
from optgen.runtime.kernels import OPTIMIZER
from optgen.runtime.matrix_calls import is_matrix, multiple_of_identity
from optgen.runtime.optimizer import Optimizer

_DTYPES = tuple(one.name for one in (*NATIVE, *HALVES))


class State(NamedTuple):
    """The state of an optimizer.

    ``count`` counts calls and ``steps`` updates; ``parameters`` has, for each state by name, a tree
    like that of the parameters, and ``shared`` the numbers of the optimizer.
    """

    count: Any
    steps: Any
    parameters: dict[str, Any]
    shared: dict[str, Any]


class Perturbed(NamedTuple):
    """The state while parameters are where the next gradient is taken."""

    state: State


def storage_of(owner: str, rule: type[Optimizer], state_dtype: Any) -> Storage:
    """How states are stored. Raises TypeError or ValueError for what isn't there, or isn't here."""
    stored = {**ARGUMENTS, "state_dtype": state_dtype}
    storage = Storage(owner, **stored, states=[state.name for state in rule.states])
    chosen = state_dtype.values() if isinstance(state_dtype, dict) else [state_dtype]
    lacking = [dtype for dtype in chosen if dtype is not None and dtype not in _DTYPES]
    if lacking:
        half = " or ".join(repr(one.name) for one in HALVES)
        message = f"{owner}: states on JAX can't be {lacking[0]!r}; use {half}"
        raise ValueError(f"{message}, or a class of optgen.torch or optgen.optimizers")
    return storage


def first_state(
    state: Declared,
    leaf: Leaf,
    param: Any,
    hyperparameters: Hyperparameters,
    storage: Storage,
) -> Any:
    """What a state of a parameter begins with; an array of elements is sharded as it is."""
    if state.shape == ELEMENT:
        dtype = storage.of(state.name, leaf.path, leaf.dtype)
        if state.initial == "param":
            return jnp.array(param, dtype)
        return jnp.full_like(param, _value(state, leaf.row, hyperparameters), dtype)
    shape = leaf.form.length(state.shape)
    if is_matrix(state.shape):
        return _identity(shape, _value(state, leaf.row, hyperparameters), leaf.wide)
    return jnp.full(shape, _value(state, leaf.row, hyperparameters), host_dtype())


def _identity(shape: tuple[int, ...], value: Any, dtype: str) -> Any:
    """Matrices that are a multiple of the identity, as arrays of JAX."""
    return jnp.asarray(multiple_of_identity(shape, 1.0, dtype)) * jnp.asarray(value, dtype)


def first_number(state: Declared, hyperparameters: Hyperparameters) -> Any:
    """What a number of the optimizer begins with."""
    return jnp.asarray(_value(state, Row(), hyperparameters), host_dtype())


def _value(state: Declared, row: Row, hyperparameters: Hyperparameters) -> Any:
    if not isinstance(state.initial, str):
        return state.initial
    # What all parameters share begins with the optimizer's own hyperparameters.
    return hyperparameters.initial(state.initial, Row() if state.shape == OPTIMIZER else row)
