"""Optax's transformations: one compiled function that updates and applies, in donated memory."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from importlib import import_module
from typing import Any

from optgen.bench.peers import xla
from optgen.bench.peers.interface import Arrays, Run, Task

PACKAGES: tuple[str, ...] = ("jax", "optax")


class _Run:
    def __init__(self, transformation: Any, first: Arrays) -> None:
        jax, apply_updates = import_module("jax"), import_module("optax").apply_updates

        def step(params: Any, state: Any, grads: Any) -> Any:
            updates, state = transformation.update(grads, state, params)
            return apply_updates(params, updates), state

        self._compiled = jax.jit(step, donate_argnums=(0, 1))
        self._wait = jax.block_until_ready
        self._params = xla.on_device(first)
        # Some states begin as one array in two places, which can't be donated twice.
        self._state = jax.tree.map(lambda leaf: leaf.copy(), transformation.init(self._params))
        self._grads: list[Any] = []

    def give(self, grads: Arrays) -> None:
        self._grads = xla.on_device(grads)

    def step(self) -> None:
        found = self._compiled(self._params, self._state, self._grads)
        self._params, self._state = self._wait(found)

    def parameters(self) -> Arrays:
        return xla.on_host(self._params)


def prepare(threads: int) -> dict[str, str]:
    """Set the number of threads of XLA."""
    xla.limit_threads(threads)
    return {}


def runs(task: Task) -> Iterator[tuple[str, Run]]:
    """A rule of Optax; its name may have a module, as ``contrib.name``."""
    if not task.features:
        make: Any = reduce(getattr, task.rule.name.split("."), import_module("optax"))
        made = make(learning_rate=task.rate, **task.rule.arguments)
        yield "optax", _Run(made, task.first)
