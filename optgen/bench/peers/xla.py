"""JAX on the CPU: steps as compiled functions in donated memory, and its number of threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from optgen.bench.peers.interface import Arrays

#: The variable that XLA reads for the size of its pool of threads, once per process.
_THREADS = "NPROC"


def limit_threads(threads: int) -> None:
    """Let XLA start this number of threads, if nothing has used JAX in this process yet."""
    os.environ[_THREADS] = str(threads)


class Compiled:
    """Steps by a compiled function of parameters, state and gradients, which returns both anew."""

    def __init__(
        self, step: Callable[[Any, Any, Any], Any], first: Arrays, state: Callable[[Any], Any]
    ) -> None:
        """``state`` makes the first state of the parameters."""
        jax = import_module("jax")
        self._compiled = jax.jit(step, donate_argnums=(0, 1))
        self._wait, self._copied = jax.block_until_ready, jax.numpy.array
        self._params = self._on_device(first)
        # Some states begin as one array in two places, which can't be donated twice.
        self._state = jax.tree.map(lambda leaf: leaf.copy(), state(self._params))
        self._grads: list[Any] = []

    def give(self, grads: Arrays) -> None:
        """Copy gradients."""
        self._grads = self._on_device(grads)

    def step(self) -> None:
        """Make a step, and wait for its end."""
        found = self._compiled(self._params, self._state, self._grads)
        self._params, self._state = self._wait(found)

    def parameters(self) -> Arrays:
        """The parameters, for NumPy."""
        return [np.asarray(array) for array in self._params]

    def _on_device(self, arrays: Arrays) -> list[Any]:
        """Copies that JAX owns, so that it may reuse their memory."""
        return [self._copied(array) for array in arrays]
