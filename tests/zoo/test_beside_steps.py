"""What rules do besides steps: averages that stand in for parameters, and noise."""

from __future__ import annotations

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


def test_noise_has_the_variance_of_the_paper() -> None:
    """Of 4000 numbers: their mean square is within 5 of its standard deviations, 1/sqrt(2000)."""
    steps = np.zeros(4000)
    own = plain_class("SGLD")(learning_rate=RATE, temperature=2.0)
    own.apply([np.zeros(4000)], [steps])
    assert abs(np.mean(steps**2) / (2 * RATE) - 1) < 5 / np.sqrt(2000)
    assert abs(np.mean(steps)) < 5 * np.sqrt(2 * RATE / 4000)
