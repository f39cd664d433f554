"""Keras's optimizers, as ``fit`` runs them on the backend that Keras has.

On torch that is eager code, on TensorFlow a graph without XLA, as on any machine without a GPU, and
on JAX a compiled function in donated memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from optgen.bench.peers import of_torch, xla
from optgen.bench.peers.interface import Arrays, Run, Task

PACKAGES: tuple[str, ...] = ("keras",)
_BACKEND = "KERAS_BACKEND"


class _Eager:
    """Steps by operations that run at once, or by one graph of them."""

    def __init__(self, optimizer: Any, first: Arrays, backend: str) -> None:
        self._keras, self._backend = import_module("keras"), backend
        self._variables = [self._keras.Variable(array, dtype="float32") for array in first]
        self._grads: list[Any] = []
        optimizer.build(self._variables)
        self._apply: Callable[[Any], object] = lambda grads: optimizer.apply(grads, self._variables)
        if backend == "torch":
            self._apply = import_module("torch").no_grad()(self._apply)
        elif backend == "tensorflow":
            self._apply = import_module("tensorflow").function(self._apply)

    def give(self, grads: Arrays) -> None:
        self._grads = [self._keras.ops.array(grad) for grad in grads]

    def step(self) -> None:
        self._apply(self._grads)

    def parameters(self) -> Arrays:
        values = [variable.value for variable in self._variables]
        if self._backend == "torch":  # Keras's own conversion warns there.
            return [value.detach().numpy() for value in values]
        return [value.numpy() for value in values]


def _functional(optimizer: Any, first: Arrays) -> Run:
    """Steps by a compiled function of all values."""
    keras = import_module("keras")
    optimizer.build([keras.Variable(array, dtype="float32") for array in first])

    def step(params: Any, state: Any, grads: Any) -> Any:
        return optimizer.stateless_apply(state, grads, params)

    own = [variable.value for variable in optimizer.variables]
    return xla.Compiled(step, first, lambda _: own)


def prepare(threads: int) -> dict[str, str]:
    """Set the number of threads of the backend: by default torch, where it is installed."""
    if find_spec("torch") is not None:
        os.environ.setdefault(_BACKEND, "torch")
    xla.limit_threads(threads)
    backend = import_module("keras").config.backend()
    if backend == "torch":
        of_torch.prepare(threads)
    elif backend == "tensorflow":
        threading = import_module("tensorflow").config.threading
        threading.set_intra_op_parallelism_threads(threads)
        threading.set_inter_op_parallelism_threads(threads)
    return {"keras backend": backend}


def runs(task: Task) -> Iterator[tuple[str, Run]]:
    """A class of Keras, with features if they are on."""
    keras = import_module("keras")
    arguments = {**task.rule.arguments, **task.features}
    optimizer = getattr(keras.optimizers, task.rule.name)(learning_rate=task.rate, **arguments)
    backend = keras.config.backend()
    if backend == "jax":
        yield "keras", _functional(optimizer, task.first)
    else:
        yield "keras", _Eager(optimizer, task.first, backend)
