"""L-BFGS on convex functions, where the gradient follows from the parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch

from tests.zoo.libraries import OneStep
from tests.zoo.runs import Array, plain_class

STEPS, SIZE = 30, 10
_DRAW = np.random.default_rng(0)
_FACTOR = _DRAW.normal(size=(SIZE, SIZE))
HESSIAN = _FACTOR @ _FACTOR.T / SIZE + 0.1 * np.eye(SIZE)
START = _DRAW.normal(size=SIZE)
RATE = 0.3


def slope(x: Array) -> Array:
    """The gradient of a function that isn't quadratic."""
    return HESSIAN @ x + 0.1 * x**3


def parts(x: Array) -> list[Array]:
    return [x[:6].reshape(2, 3).copy(), x[6:].copy()]


def whole(arrays: Any) -> Array:
    return np.concatenate([np.ravel(array) for array in arrays])


def path_of(step: Callable[[Any, Any], Any], held: Any) -> list[Array]:
    """The points after steps, each with the gradient of the point before."""
    found = []
    for _ in range(STEPS):
        held = step(held, parts(slope(whole(held))))
        found.append(whole(held).copy())
    return found


def ours(first: Array, **arguments: Any) -> list[Array]:
    optimizer = plain_class("LBFGS")(learning_rate=RATE, **arguments)

    def step(held: Any, gradients: Any) -> Any:
        optimizer.apply(gradients, held)
        return held

    return path_of(step, parts(first))


def test_steps_are_torchs_down_to_the_minimum() -> None:
    held = [torch.nn.Parameter(torch.tensor(part)) for part in parts(START)]
    optimizer = OneStep(held, lr=RATE)

    def step(_: Any, gradients: Any) -> Any:
        for parameter, gradient in zip(held, gradients, strict=True):
            parameter.grad = torch.tensor(gradient)
        optimizer.step()
        return [parameter.detach().numpy() for parameter in held]

    theirs = path_of(step, parts(START))
    np.testing.assert_allclose(ours(START), theirs, rtol=0, atol=1e-12)
    assert np.abs(theirs[-1]).max() < 1e-3 * np.abs(START).max()


def test_steps_are_optaxs() -> None:
    # Both make the first step shorter where the gradient is longer than 1, by other norms.
    first = START / np.abs(slope(START)).sum() / 2
    with jax.enable_x64(True):
        rule = optax.chain(optax.scale_by_lbfgs(memory_size=5), optax.scale(-RATE))
        states = [rule.init([jnp.asarray(part) for part in parts(first)])]

        def moved(held: Any, gradients: Any, state: Any) -> Any:
            updates, state = rule.update(gradients, state, held)
            return optax.apply_updates(held, updates), state

        updated = jax.jit(moved)

        def step(held: Any, gradients: Any) -> Any:
            held = [jnp.asarray(part) for part in held]
            held, state = updated(held, [jnp.asarray(part) for part in gradients], states[-1])
            states.append(state)
            return held

        theirs = path_of(step, parts(first))
    mine = ours(first, least_product=0.0)
    np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-12 * np.abs(first).max())
