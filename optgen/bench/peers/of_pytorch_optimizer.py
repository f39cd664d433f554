"""Optimizers of pytorch_optimizer, which are loops over torch's tensors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module

from optgen.bench.peers.interface import Run, Task
from optgen.bench.peers.of_torch import TorchRun, prepare

__all__ = ["PACKAGES", "prepare", "runs"]

PACKAGES: tuple[str, ...] = ("torch", "pytorch_optimizer")


def runs(task: Task) -> Iterator[tuple[str, Run]]:
    """The class of a rule."""
    if not task.features:
        kind = getattr(import_module("pytorch_optimizer"), task.rule.name)
        make = partial(kind, lr=task.rate, **task.rule.arguments)
        yield "pytorch_optimizer", TorchRun(make, task.first)
