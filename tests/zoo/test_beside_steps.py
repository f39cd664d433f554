"""What rules do besides steps: averages that stand in for parameters, and noise."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import schedulefree
import torch

from tests.zoo.papers import RATE
from tests.zoo.runs import gradients, plain_class, start

PEERS = {
    "ScheduleFreeSGD": schedulefree.SGDScheduleFree,
    "ScheduleFreeAdamW": schedulefree.AdamWScheduleFree,
}


@pytest.mark.parametrize("name", PEERS)
def test_evaluation_is_at_their_average(name: str) -> None:
    mine = [array.copy() for array in start()]
    theirs = [torch.nn.Parameter(torch.tensor(array)) for array in start()]
    own = plain_class(name)(learning_rate=RATE)
    own.build(mine)
    other: Any = PEERS[name](theirs, lr=RATE)
    other.train()
    for row in gradients()[:5]:
        own.apply(list(row))
        for parameter, gradient in zip(theirs, row, strict=True):
            parameter.grad = torch.tensor(gradient)
        other.step()
    other.eval()
    with own.averaged():
        for array, parameter in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(array, parameter.detach().numpy(), rtol=1e-10, atol=1e-12)


def test_rows_without_a_gradient_stay_as_with_torch() -> None:
    draw = np.random.default_rng(0)
    mine = [draw.normal(size=(6, 3))]
    theirs = torch.nn.Parameter(torch.tensor(mine[0]))
    own = plain_class("LazyAdam")(learning_rate=RATE)
    other: torch.optim.Optimizer = torch.optim.SparseAdam([theirs], lr=RATE)
    own.build(mine)
    for rows in ([0, 2], [2, 5], [0, 1, 2], [5]):
        values = draw.normal(size=(len(rows), 3))
        dense = np.zeros((6, 3))
        dense[rows] = values
        own.apply([dense])
        place, value = torch.tensor([rows]), torch.tensor(values)
        theirs.grad = torch.sparse_coo_tensor(place, value, (6, 3), check_invariants=True)
        other.step()
        np.testing.assert_allclose(mine[0], theirs.detach().numpy(), rtol=1e-12)


def test_a_part_of_the_elements_moves_until_moments_begin_anew() -> None:
    """SPAM's mask: what it holds moves as without one, and the rest stays."""
    start = np.random.default_rng(1).normal(size=(40, 50))
    whole, part = start.copy(), start.copy()
    spam = plain_class("SPAM")
    both = [(spam(RATE, period=4), whole), (spam(RATE, period=4, density=0.25), part)]
    masks = []
    for call, row in enumerate(np.random.default_rng(2).normal(size=(8, 40, 50)), 1):
        before = part.copy()
        for own, array in both:
            own.apply([row], [array])
        masks.append(part != before)
        if call < 4:
            np.testing.assert_array_equal(part, np.where(masks[0], whole, start))
    # A quarter of 2000 elements, within 5 of its standard deviations.
    assert abs(masks[0].mean() - 0.25) < 5 * np.sqrt(0.25 * 0.75 / 2000)
    changed = [bool((one != two).any()) for one, two in pairwise(masks)]
    assert changed == [False, False, True, False, False, False, True]


def test_noise_has_the_variance_of_the_paper() -> None:
    """Of 4000 numbers: their mean square is within 5 of its standard deviations, 1/sqrt(2000)."""
    steps = np.zeros(4000)
    own = plain_class("SGLD")(learning_rate=RATE, temperature=2.0)
    own.apply([np.zeros(4000)], [steps])
    assert abs(np.mean(steps**2) / (2 * RATE) - 1) < 5 / np.sqrt(2000)
    assert abs(np.mean(steps)) < 5 * np.sqrt(2 * RATE / 4000)
