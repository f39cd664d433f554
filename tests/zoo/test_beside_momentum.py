"""What rules of momentum, averages and noise have besides steps, beside other libraries' code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import pytorch_optimizer as po
import schedulefree
import torch

from tests.zoo.papers import RATE
from tests.zoo.runs import Array, Model, gradients, plain_class, start

CALLS = 12
Points = list[list[Array]]


def of_torch(make: Callable[..., Any], rows: Sequence[Model], *, at_end: str = "") -> Points:
    """The parameters after each call, the last after a method that ends the training."""
    held = [torch.nn.Parameter(torch.tensor(array)) for array in start()]
    optimizer, after = make(held), []
    for row in rows:
        for parameter, gradient in zip(held, row, strict=True):
            parameter.grad = torch.tensor(gradient)
        optimizer.step()
        after.append([parameter.detach().numpy().copy() for parameter in held])
    if at_end:
        getattr(optimizer, at_end)()
        after[-1] = [parameter.detach().numpy().copy() for parameter in held]
    return after


def averages(name: str, rows: Sequence[Model], **arguments: Any) -> Points:
    """What stands in for the parameters after each call."""
    held = [array.copy() for array in start()]
    own, after = plain_class(name)(learning_rate=RATE, **arguments), []
    own.build(held)
    for row in rows:
        own.apply(list(row))
        with own.averaged():
            after.append([array.copy() for array in held])
    return after


def assert_same(mine: Sequence[Model], theirs: Sequence[Model]) -> None:
    for own, other in zip(mine, theirs, strict=True):
        for array, expected in zip(own, other, strict=True):
            np.testing.assert_allclose(array, expected, rtol=1e-10, atol=1e-12)


def test_the_average_of_rectified_steps_is_theirs() -> None:
    def made(held: Any) -> Any:
        optimizer = schedulefree.RAdamScheduleFree(held, lr=RATE)
        optimizer.train()
        return optimizer

    rows = gradients()[:CALLS]
    theirs = of_torch(made, rows, at_end="eval")
    assert_same(averages("ScheduleFreeRAdam", rows)[-1:], theirs[-1:])


def test_a_primal_average_is_the_mean_of_torchs_parameters() -> None:
    rows = gradients()[:CALLS]
    theirs = of_torch(lambda held: torch.optim.AdamW(held, lr=RATE, weight_decay=0.1), rows)
    means = [list(start())]
    for model in theirs:
        means.append([0.75 * x + 0.25 * z for x, z in zip(means[-1], model, strict=True)])
    mine = averages("GPAAdamW", rows, mu_x=0.75, mu_y=0.875, weight_decay=0.1)
    assert_same(mine, means[1:])


def test_points_without_the_perturbation_are_those_of_torchs_momentum() -> None:
    rows = gradients()[:CALLS]
    theirs = of_torch(lambda held: torch.optim.SGD(held, lr=RATE, momentum=0.9), rows)
    assert_same(averages("MSAM", rows, rho=0.5), theirs)


def test_a_hessian_in_every_call_is_theirs() -> None:
    """Other code counts calls for its correction, ours Hessians: the same where all have one."""
    mine = [array.copy() for array in start()]
    theirs = [torch.nn.Parameter(torch.tensor(array)) for array in start()]
    own = plain_class("AdaHessian")(learning_rate=RATE, epsilon=1e-8)
    own.build(mine)
    other = po.AdaHessian(theirs, lr=RATE, eps=1e-8, weight_decay=0.0)
    for row in gradients()[:CALLS]:
        hessian = [array**2 - 0.1 for array in row]
        own.apply(list(row), hessian=hessian)
        for parameter, gradient in zip(theirs, row, strict=True):
            parameter.grad = torch.tensor(gradient)
        other.step(hessian=[torch.tensor(array) for array in hessian])
    assert_same([mine], [[parameter.detach().numpy() for parameter in theirs]])


@pytest.mark.parametrize(
    ("name", "arguments", "variance"),
    [
        # Equation 15 of Chen, Fox and Guestrin: 2*(alpha - beta)*eta.
        ("SGHMC", {"friction": 0.5, "noise_estimate": 0.25}, 2 * 0.25 * RATE),
        # Algorithm 1 of Bahrami and Pourmoghadam Zadeh: velocities of alpha/l, half of which decay.
        ("Gravity", {"alpha": 0.5, "beta": 0.5}, (0.5 * 0.5) ** 2),
    ],
)
def test_noise_has_the_variance_of_the_paper(
    name: str, arguments: dict[str, float], variance: float
) -> None:
    """Of 4000 numbers: their mean square is within 5 of its standard deviations, 1/sqrt(2000)."""
    steps = np.zeros(4000)
    own = plain_class(name)(learning_rate=RATE, **arguments)
    own.apply([np.zeros(4000)], [steps])
    assert abs(np.mean(steps**2) / variance - 1) < 5 / np.sqrt(2000)
    assert abs(np.mean(steps)) < 5 * np.sqrt(variance / 4000)
