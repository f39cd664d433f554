"""Steps with more than one gradient, beside other libraries' code and the papers' formulas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import jax
import numpy as np
import optax
import pytest
import pytorch_optimizer as po
import torch
from scipy.optimize import brentq

import optgen
from tests.zoo.papers import RATE
from tests.zoo.runs import Array, Model, difference, gradients, start

CALLS = 6


def flat(model: Model) -> Array:
    return np.concatenate([np.ravel(array) for array in model])


def ours(make: Any, rows: Sequence[Model], inputs: Sequence[Mapping[str, Any]]) -> list[Model]:
    """The parameters after each call with the inputs of its own."""
    held = [array.copy() for array in start()]
    after: list[Model] = []
    make.build(held)
    for row, given in zip(rows, inputs, strict=True):
        make.apply(list(row), **given)
        after.append([array.copy() for array in held])
    return after


def two_tasks(turn: float, size: float) -> tuple[list[Model], list[Model]]:
    """Gradients of two tasks; those of the second turn to the first, or away from it."""
    draw = np.random.default_rng(5)
    rows = list(gradients()[:CALLS])
    others: list[Model] = [
        [size * (draw.normal(size=g.shape) + turn * g) for g in row] for row in rows
    ]
    return rows, others


@pytest.mark.parametrize("turn", [-0.75, 0.0, 0.75])
def test_conflicting_gradients_are_projected_as_theirs(turn: float) -> None:
    rows, others = two_tasks(turn, 1.0)
    kind: Any = optgen.compile("sgd", "conflicting_gradients", backend="numpy")
    inputs = [{"other_gradient": other} for other in others]
    mine = ours(kind(learning_rate=RATE, pcgrad=True), rows, inputs)
    held = [torch.nn.Parameter(torch.tensor(array)) for array in start()]
    other = po.PCGrad(torch.optim.SGD(held, lr=RATE), reduction="sum")
    theirs = []
    for tasks in zip(rows, others, strict=True):
        # Losses whose gradients these are.
        losses = [
            sum((p * torch.tensor(g)).sum() for p, g in zip(held, task, strict=True))
            for task in tasks
        ]
        other.pc_backward(losses)
        other.step()
        theirs.append([p.detach().numpy().copy() for p in held])
    assert difference(mine, theirs, start()) < 1e-12


@pytest.mark.parametrize("turn", [-0.75, 0.0, 0.75])
@pytest.mark.parametrize("size", [0.5, 1.0, 2.0])
def test_averse_gradients_are_the_best_of_the_paper(turn: float, size: float) -> None:
    """Algorithm 1 of Liu et al. for two tasks."""
    rows, others = two_tasks(turn, size)
    kind: Any = optgen.compile("sgd", "conflicting_gradients", backend="numpy")
    inputs = [{"other_gradient": other} for other in others]
    mine = ours(kind(learning_rate=1.0, cagrad=0.5), rows, inputs)
    moves = pairwise([start(), *mine])
    for (before, after), one, two in zip(moves, rows, others, strict=True):
        expected = averse(flat(one), flat(two), 0.5)
        np.testing.assert_allclose(flat(before) - flat(after), expected, rtol=1e-9, atol=1e-9)


def averse(one: Array, two: Array, part: float) -> Array:
    """What the two gradients make; the objective is least where its slope is 0, or at an end."""
    mean = (one + two) / 2

    def way(x: float) -> Array:
        mixed = x * one + (1 - x) * two
        length = float(np.linalg.norm(mean) / np.linalg.norm(mixed))
        return mean + part * length * mixed

    def slope(x: float) -> float:
        return float((one - two) @ way(x))

    if slope(0) >= 0 or slope(1) <= 0:
        return way(0 if slope(0) >= 0 else 1)
    return way(brentq(slope, 0, 1, xtol=1e-15))


def test_variance_is_reduced_by_an_anchor() -> None:
    rows, anchors = two_tasks(0.75, 1.0)
    full = [[array / 3 for array in row] for row in anchors[::3]]
    kind: Any = optgen.compile("sgd", "svrg", backend="numpy")
    inputs = [
        {"anchor_gradient": row, **({} if call % 3 else {"full_gradient": full[call // 3]})}
        for call, row in enumerate(anchors)
    ]
    mine = ours(kind(learning_rate=RATE, svrg=0.75), rows, inputs)
    x = flat(start())
    for call, (row, anchor) in enumerate(zip(rows, anchors, strict=True)):
        x = x - RATE * (flat(row) - 0.75 * (flat(anchor) - flat(full[call // 3])))
        np.testing.assert_allclose(flat(mine[call]), x, rtol=1e-12)


def test_gradients_of_examples_are_clipped_as_theirs() -> None:
    """Optax's of private gradients, without noise: one call here for each of its examples."""
    rows = gradients()[:CALLS]
    kind: Any = optgen.compile("sgd", "call_clipnorm", backend="numpy")
    made = kind(learning_rate=RATE, call_clipnorm=1.5, gradient_accumulation_steps=CALLS)
    *_, mine = ours(made, rows, [{}] * CALLS)
    with jax.enable_x64(True):
        rule = optax.contrib.differentially_private_aggregate(1.5, 0.0, 0)
        held = [jax.numpy.asarray(array) for array in start()]
        stacked = [jax.numpy.stack(each) for each in zip(*rows, strict=True)]
        updates, _ = rule.update(stacked, rule.init(held))
        expected = [array - RATE * np.asarray(u) for array, u in zip(start(), updates, strict=True)]
    np.testing.assert_allclose(flat(mine), flat(expected), rtol=1e-12)
