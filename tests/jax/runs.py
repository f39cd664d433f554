"""Runs of our transformations of gradients, as other runs of the zoo are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
import optax

import optgen.optax
import optgen.optimizers
from tests.zoo.runs import Array, Model, Run, beside_gradients

#: Every rule.
NAMES = [name for name in optgen.optimizers.list() if name != "LossScaleOptimizer"]
#: A matrix and a vector: operations of few shapes are compiled but once.
SHAPES = ((3, 4), (5,))


def start() -> list[Array]:
    draw = np.random.default_rng(0)
    return [draw.normal(size=shape) for shape in SHAPES]


def gradients(steps: int) -> list[list[Array]]:
    draw = np.random.default_rng(1)
    return [[draw.normal(0.3, 1, shape) for shape in SHAPES] for _ in range(steps)]


def of_jax(name: str, arguments: Mapping[str, Any]) -> Run:
    """A rule in float64, of which each operation runs at once: to compile all takes longer."""

    def run(first: Model, rows: Sequence[Model]) -> Sequence[Model]:
        make = getattr(optgen.optax, name.lower())
        known = {one.name for one in getattr(optgen.optimizers, name).inputs}
        after = []
        with jax.enable_x64(True), jax.disable_jit():
            rule = make(**arguments)
            held = [jax.numpy.asarray(array) for array in first]
            state = rule.init(held)
            for call, row in enumerate(rows):
                given = beside_gradients(known, call, row)
                updates, state = rule.update(list(row), state, held, **given)
                held = optax.apply_updates(held, updates)
                after.append([np.asarray(array) for array in held])
        return after

    return run
