"""Gradients at a second point, beside another library's."""

from __future__ import annotations

import numpy as np
import pytorch_optimizer as po
import torch

import optgen
from tests.zoo.papers import RATE

RADIUS, STEPS = 0.125, 5


def test_sharpness_aware_steps_are_theirs() -> None:
    draw = np.random.default_rng(0)
    curvature = draw.uniform(0.5, 2, (3, 4))
    mine = [draw.normal(size=(3, 4)), draw.normal(size=5)]
    theirs = [torch.nn.Parameter(torch.tensor(array)) for array in mine]
    own = optgen.compile("sgd", "sam")(learning_rate=RATE, momentum=0.0, sam_radius=RADIUS)
    other = po.SAM(theirs, torch.optim.SGD, rho=RADIUS, perturb_eps=0.0, lr=RATE)
    for _ in range(STEPS):
        own.perturb([curvature * mine[0], mine[1] ** 3], mine)
        own.apply([curvature * mine[0], mine[1] ** 3], mine)
        for take in (other.first_step, other.second_step):
            theirs[0].grad = torch.tensor(curvature) * theirs[0].detach()
            theirs[1].grad = theirs[1].detach() ** 3
            take()
        # The norm of their gradients is a float32.
        for array, parameter in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(array, parameter.detach().numpy(), rtol=1e-8)
