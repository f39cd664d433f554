"""Optimizers of several libraries behind one interface: steps, values, and their state."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import jax
import keras
import numpy as np
import optax
import torch

Array = np.ndarray[Any, np.dtype[np.float64]]
SHAPES = ((4, 3), (5,), (2, 2, 3))


def start() -> list[Array]:
    draw = np.random.default_rng(0)
    return [draw.normal(size=shape) for shape in SHAPES]


def gradients(step: int) -> list[Array]:
    draw = np.random.default_rng(1 + step)
    return [draw.normal(0.3, 1, shape) for shape in SHAPES]


class Run:
    """Parameters and an optimizer; ``state`` is what is converted."""

    #: What the optimizer is to ``convert``.
    like: Any

    def step(self, rows: Sequence[Array]) -> None:
        raise NotImplementedError

    def values(self) -> list[Array]:
        raise NotImplementedError

    def state(self) -> Any:
        return self.like

    def load(self, state: Any) -> None:
        raise NotImplementedError

    def go(self, steps: range) -> None:
        for number in steps:
            self.step(gradients(number))


class TorchRun(Run):
    """A class with torch's interface, of whatever library."""

    def __init__(self, make: Any, first: Sequence[Array], dtype: Any, **options: Any) -> None:
        self._held = [torch.nn.Parameter(torch.tensor(array, dtype=dtype)) for array in first]
        self.like = make(self._held, **options)

    def step(self, rows: Sequence[Array]) -> None:
        for param, row in zip(self._held, rows, strict=True):
            param.grad = torch.tensor(row, dtype=param.dtype)
        self.like.step()

    def values(self) -> list[Array]:
        return [param.detach().double().numpy().copy() for param in self._held]

    def state(self) -> Any:
        return copy.deepcopy(self.like.state_dict())

    def load(self, state: Any) -> None:
        self.like.load_state_dict(state)


class KerasRun(Run):
    """A class of Keras, or with its interface, on the backend torch."""

    def __init__(self, make: Any, first: Sequence[Array], **options: Any) -> None:
        self._held = [keras.Variable(array, dtype="float64") for array in first]
        self.like = make(**options)
        self.like.build(self._held)

    def step(self, rows: Sequence[Array]) -> None:
        self.like.apply([torch.tensor(row) for row in rows])

    def values(self) -> list[Array]:
        return [one.value.detach().numpy().copy() for one in self._held]

    def load(self, state: Any) -> None:
        self.like.load_own_variables(state)


class OptaxRun(Run):
    """A transformation of Optax."""

    def __init__(self, made: Any, step: Any, first: Sequence[Array]) -> None:
        with jax.enable_x64(True):
            self._held = [jax.numpy.asarray(array) for array in first]
            self.like = made.init(self._held)
        self._step = step

    def step(self, rows: Sequence[Array]) -> None:
        with jax.enable_x64(True):
            updates, self.like = self._step([*map(jax.numpy.asarray, rows)], self.like, self._held)
            self._held = optax.apply_updates(self._held, updates)

    def values(self) -> list[Array]:
        return [np.asarray(array) for array in self._held]

    def load(self, state: Any) -> None:
        self.like = state


class OwnRun(Run):
    """An optimizer of arrays here."""

    def __init__(self, make: Any, first: Sequence[Array], **options: Any) -> None:
        self._held = [array.copy() for array in first]
        self.like = make(**options)
        self.like.build(self._held)

    def step(self, rows: Sequence[Array]) -> None:
        self.like.apply([*rows])

    def values(self) -> list[Array]:
        return [array.copy() for array in self._held]

    def load(self, state: Any) -> None:
        self.like.load_own_variables(state)


Make = Callable[[Sequence[Array]], Run]


def of_torch(make: Any, options: Mapping[str, Any], dtype: Any = torch.float64) -> Make:
    return lambda first: TorchRun(make, first, dtype, **options)


def of_keras(make: Any, options: Mapping[str, Any]) -> Make:
    return lambda first: KerasRun(make, first, **options)


def of_optax(make: Any, options: Mapping[str, Any]) -> Make:
    """Both runs of a case have one function, which JAX compiles once."""

    @cache
    def parts() -> tuple[Any, Any]:
        made = make(**options)
        return made, jax.jit(made.update)

    return lambda first: OptaxRun(*parts(), first)


def of_ours(make: Any, options: Mapping[str, Any]) -> Make:
    return lambda first: OwnRun(make, first, **options)
