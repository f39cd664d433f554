"""Optax's transformations: one compiled function that updates and applies, in donated memory."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from importlib import import_module
from typing import Any

from optgen.bench.peers import xla
from optgen.bench.peers.interface import Arrays, Run, Task

PACKAGES: tuple[str, ...] = ("jax", "optax")


def _run(transformation: Any, first: Arrays) -> Run:
    apply_updates = import_module("optax").apply_updates

    def step(params: Any, state: Any, grads: Any) -> Any:
        updates, state = transformation.update(grads, state, params)
        return apply_updates(params, updates), state

    return xla.Compiled(step, first, transformation.init)


def prepare(threads: int) -> dict[str, str]:
    """Set the number of threads of XLA."""
    xla.limit_threads(threads)
    return {}


def runs(task: Task) -> Iterator[tuple[str, Run]]:
    """A rule of Optax; its name may have a module, as ``contrib.name``."""
    if not task.features:
        make: Any = reduce(getattr, task.rule.name.split("."), import_module("optax"))
        made = make(learning_rate=task.rate, **task.rule.arguments)
        yield "optax", _run(made, task.first)
