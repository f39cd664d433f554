"""A call of an optimizer as each backend compiles it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import keras

from tests.keras.crossing import Apply


def on_jax(optimizer: Any) -> Apply:
    def call(states: Any, grads: Any, values: Any) -> Any:
        return optimizer.stateless_apply(states, [*grads, None], values)

    compiled = import_module("jax").jit(call)

    def apply(optimizer: Any, grads: Sequence[Any], variables: Sequence[Any]) -> None:
        states = [v.value for v in optimizer.variables]
        values, states = compiled(states, list(grads), [v.value for v in variables])
        for variable, value in zip(
            [*variables, *optimizer.variables], [*values, *states], strict=True
        ):
            variable.assign(value)

    return apply


def on_tensorflow(optimizer: Any) -> Apply:
    tensorflow = import_module("tensorflow")
    compiled = tensorflow.function(lambda grads: optimizer.apply([*grads, None]))
    return lambda _, grads, variables: compiled([tensorflow.constant(g) for g in grads])


def at_once(optimizer: Any) -> Apply:
    """Not compiled: TensorFlow takes long to trace a large rule."""
    return lambda _, grads, variables: optimizer.apply(
        [*map(keras.ops.convert_to_tensor, grads), None], variables
    )


def on_torch(optimizer: Any) -> Apply:
    def apply(optimizer: Any, grads: Sequence[Any], variables: Sequence[Any]) -> None:
        # Outside of any variable's memory, as in a trace.
        states = [v.value for v in optimizer.variables]
        given = [*map(keras.ops.convert_to_tensor, grads), None]
        values, states = optimizer.stateless_apply(states, given, [v.value for v in variables])
        for variable, value in zip(
            [*variables, *optimizer.variables], [*values, *states], strict=True
        ):
            variable.assign(value)

    return apply


COMPILED: dict[str, Callable[[Any], Apply]] = {
    "jax": on_jax,
    "tensorflow": on_tensorflow,
    "torch": on_torch,
}
