"""Steps that the loss decides, on functions: line searches, and slopes along random directions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.zoo.runs import Array, plain_class

_DRAW = np.random.default_rng(0)
FACTORS, TARGETS = _DRAW.normal(size=(20, 6)), _DRAW.normal(size=20)
STEPS = 20


def value(x: Any) -> Any:
    """A convex function that isn't quadratic, of NumPy's arrays or JAX's."""
    return ((FACTORS @ x - TARGETS) ** 2).mean() + (x**4).sum()


def slope(x: Array) -> Array:
    return 2 * FACTORS.T @ (FACTORS @ x - TARGETS) / 20 + 4 * x**3


def searched() -> list[Array]:
    """The points of Optax's search."""
    search = optax.scale_by_backtracking_linesearch(
        50, slope_rtol=1e-4, decrease_factor=0.8, increase_factor=1.5, max_learning_rate=1.0
    )
    chain: Any = optax.chain(optax.sgd(1.0), search)
    with jax.enable_x64(True):
        x = jnp.zeros(6)
        state, found = chain.init(x), []
        for _ in range(STEPS):
            now, gradient = jax.value_and_grad(value)(x)
            given = {"value": now, "grad": gradient, "value_fn": value}
            updates, state = chain.update(gradient, state, x, **given)
            x = optax.apply_updates(x, updates)
            found.append(np.array(x))
    return found


@pytest.mark.parametrize("full_batch", [False, True])
def test_searches_end_where_optaxs_do(full_batch: bool) -> None:
    x = np.zeros(6)
    factors = {"decrease_factor": 0.8, "increase_factor": 1.5}
    own = plain_class("BacktrackingSGD")(slope_rtol=1e-4, full_batch=full_batch, **factors)
    own.build([x])
    found: list[Array] = []
    start = x.copy()
    while len(found) < STEPS:
        own.apply([slope(x)], loss=float(value(x)))
        state = own.state
        begun = state["variable_0"]["start"].copy()
        if full_batch and (begun != start).any():
            found.append(begun)
        elif not full_batch and state["*"]["trying"] == 0:
            found.append(x.copy())
        start = begun
    np.testing.assert_allclose(found, searched(), rtol=1e-12, atol=1e-14)


def test_a_trial_with_an_infinite_loss_is_rejected() -> None:
    x = np.ones(2)
    own = plain_class("BacktrackingSGD")(decrease_factor=0.5)
    own.build([x])
    own.apply([np.ones(2)], loss=3.0)
    for factor in (0.5, 0.25):
        own.apply([np.full(2, np.inf)], loss=float("inf"))
        np.testing.assert_array_equal(x, 1 - factor)


def test_losses_alone_lead_to_the_minimum() -> None:
    """Of the same function as searches: its minimum is where the slope is 0."""
    x = np.zeros(6)
    own = plain_class("MeZO")(learning_rate=0.03, epsilon=1e-4, seed=1)
    own.build([x])
    for _ in range(3 * 1000):
        own.apply(None, loss=float(value(x)))
    assert np.abs(slope(x)).max() < 1e-3
    assert np.abs(slope(np.zeros(6))).max() > 0.5
