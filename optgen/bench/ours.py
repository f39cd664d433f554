"""A run of an optimizer over NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from optgen.bench.peers.interface import Arrays
from optgen.runtime.core import core_of
from optgen.runtime.engine import Engine
from optgen.runtime.model import Model
from optgen.runtime.transaction import chain


class OwnRun:
    """A generated optimizer with arrays; each step uses the same gradient arrays."""

    def __init__(self, optimizer: Any, first: Arrays) -> None:
        self._params = [array.copy() for array in first]
        self._grads = [np.zeros_like(array) for array in first]
        optimizer.build(self._params)
        self._optimizer = optimizer
        self.step: Callable[[], object] = lambda: optimizer.apply(self._grads)

    def give(self, grads: Arrays) -> None:
        """Copy gradients."""
        for own, array in zip(self._grads, grads, strict=True):
            own[...] = array

    def matrix_calls(self) -> Callable[[], object] | None:
        """The calls of libraries that a step makes for matrices, alone; None without any."""
        return calls_for_matrices(core_of(self._optimizer).model)

    def parameters(self) -> Arrays:
        """The arrays."""
        return self._params


def calls_for_matrices(model: Model | None) -> Callable[[], object] | None:
    """The calls of libraries that a step of a model makes for matrices; None without any."""
    assert model is not None
    assert isinstance(model.engine, Engine)
    calls = model.engine.matrix_calls()

    def alone() -> None:
        # Without the passes between them, numbers grow.
        with np.errstate(all="ignore"):
            chain(calls)

    return alone if calls else None
