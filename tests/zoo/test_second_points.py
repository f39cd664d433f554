"""Gradients at a second point, beside another library's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import pytorch_optimizer as po
import torch

import optgen
from tests.numeric.noise import draws
from tests.zoo.papers import RATE
from tests.zoo.runs import Array, plain_class

RADIUS, STEPS, PERIOD = 0.125, 6, 3
#: What another library's step takes: a closure with the loss, whose gradients it leaves.
Closure = Callable[[], torch.Tensor]
Theirs = Callable[[Sequence[torch.nn.Parameter]], Callable[[Closure], object]]
CURVATURE = np.random.default_rng(0).uniform(0.5, 2, (3, 4))


def _inner(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=RATE)


def after_a_gradient(kind: Any, **values: Any) -> Theirs:
    """A class whose step takes the second gradient alone."""

    def made(parameters: Sequence[torch.nn.Parameter]) -> Callable[[Closure], object]:
        optimizer = kind(parameters, torch.optim.SGD, lr=RATE, rho=RADIUS, **values)
        return lambda closure: (closure(), optimizer.step(closure))

    return made


def weighted(parameters: Sequence[torch.nn.Parameter]) -> Callable[[Closure], object]:
    model = torch.nn.Linear(1, 1)
    values = {"lr": RATE, "rho": RADIUS, "gamma": 0.75, "decouple": False, "eps": 0.0}
    step: Callable[[Closure], object] = po.WSAM(model, parameters, torch.optim.SGD, **values).step
    return step


class _Radius:
    """What its class takes for a schedule of radii."""

    def step(self) -> float:
        return RADIUS


def gap(parameters: Sequence[torch.nn.Parameter]) -> Callable[[Closure], object]:
    rest = (torch.nn.Linear(1, 1), _Radius())
    optimizer = po.GSAM(parameters, _inner(parameters), *rest, alpha=0.25, perturb_eps=0.0)
    return lambda closure: optimizer.step(torch.enable_grad()(lambda: (None, closure())))


SAM = after_a_gradient(po.SAM, perturb_eps=0.0)
LOOK = after_a_gradient(po.LookSAM, perturb_eps=0.0, k=PERIOD, alpha=0.5)
FRIENDLY = {"sam_friendly": 0.75, "sam_friendly_decay": 0.5}


@pytest.mark.parametrize(
    ("features", "ours", "theirs", "tolerance"),
    [
        pytest.param(["sam"], {}, SAM, 1e-8, id="sam"),
        pytest.param(
            ["sam"],
            {"sam_adaptive": 0.0},
            after_a_gradient(po.SAM, perturb_eps=0.0, adaptive=True),
            1e-8,
            id="adaptive",
        ),
        pytest.param(
            ["sam"],
            FRIENDLY,
            after_a_gradient(po.FriendlySAM, perturb_eps=0.0, sigma=0.75, lmbda=0.5),
            1e-8,
            id="friendly",
        ),
        pytest.param(["sam", "wsam"], {"wsam": 0.75}, weighted, 1e-7, id="wsam"),
        # The cosine and two more norms are float32 there.
        pytest.param(["sam", "gsam"], {"gsam": 0.25}, gap, 1e-6, id="gsam"),
        # Norms there are those of each parameter: the same as the paper's if there is but one.
        pytest.param(["sam", "looksam"], {"looksam": 0.5}, LOOK, 1e-7, id="looksam"),
    ],
)
def test_sharpness_aware_steps_are_theirs(
    features: list[str], ours: Mapping[str, float], theirs: Theirs, tolerance: float
) -> None:
    """Within the error of their norm of all gradients, which is a float32."""
    alone = "looksam" in ours
    found, expected = both(features, ours, theirs, 1 if alone else 2, PERIOD if alone else 1)
    for array, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(array, other, rtol=tolerance)
    if ours:
        plain, _ = both(["sam"], {}, SAM, len(found), 1)
        assert np.max(np.abs(plain[0] - expected[0])) > 100 * tolerance


def both(
    features: Sequence[str], ours: Mapping[str, float], theirs: Theirs, many: int, period: int
) -> tuple[list[Array], list[Array]]:
    """Our parameters after some steps and theirs, of a quadratic loss and one of 4th order."""
    draw = np.random.default_rng(1)
    mine = [draw.normal(size=(3, 4)), draw.normal(size=5)][:many]
    others = [torch.nn.Parameter(torch.tensor(array)) for array in mine]
    own: Any = optgen.compile("sgd", *features, backend="numpy")
    made = own(learning_rate=RATE, sam_radius=RADIUS, **ours)
    made.build(mine)
    step = theirs(others)

    def closure() -> torch.Tensor:
        for parameter in others:
            parameter.grad = None
        losses = [(torch.tensor(CURVATURE) * others[0] ** 2).sum() / 2]
        losses += [(parameter**4).sum() / 4 for parameter in others[1:]]
        total = torch.stack(losses).sum()
        torch.autograd.backward(total)
        return total

    def gradients() -> list[Array]:
        return [CURVATURE * mine[0], *(array**3 for array in mine[1:])]

    for number in range(STEPS):
        if number % period == 0:
            made.perturb(gradients())
        made.apply(gradients())
        step(closure)
    return mine, [parameter.detach().numpy() for parameter in others]


@pytest.mark.parametrize("calls", [1, 2])
def test_samples_are_the_papers(calls: int) -> None:
    """Algorithm 1 of Shen et al. at one sample an update, which NumPy draws again.

    The calls of an accumulated update have parts of its gradient, all at the same sample.
    """
    ess, decay, share, radius = 20.0, 0.01, 0.75, 0.5
    arguments = {"learning_rate": RATE, "ess": ess, "beta_2": share}
    arguments |= {"initial_precision": 0.5 + decay, "weight_decay": decay, "clip_radius": radius}
    given = {} if calls == 1 else {"gradient_accumulation_steps": calls}
    made = plain_class("IVON")(seed=3, **arguments, **given)
    held = [np.random.default_rng(1).normal(size=(3, 4)), np.zeros(5)]
    made.build(held)
    means = np.concatenate([np.ravel(array) for array in held])
    g, h = np.zeros_like(means), np.full_like(means, 0.5)
    for t in range(1, STEPS + 1):
        # The eighth part of a step, after seven features: the rule has a decay of its own.
        noise = draws(held, [0, 1], 3, t, 7)["normal"](1)
        sample = means + noise / np.sqrt(ess * (h + decay))
        for part in range(calls):
            made.perturb([np.zeros_like(array) for array in held])
            points = np.concatenate([np.ravel(array) for array in held])
            np.testing.assert_allclose(points, sample, rtol=1e-12, atol=1e-12)
            apart = part - (calls - 1) / 2
            made.apply([array**3 + array + apart for array in held])
        gradient = sample**3 + sample
        estimate = gradient * (sample - means) * ess * (h + decay)
        g = 0.9 * g + 0.1 * gradient
        change = 0.5 * (1 - share) ** 2 * (h - estimate) ** 2 / (h + decay)
        h = share * h + (1 - share) * estimate + change
        step = (g / (1 - 0.9**t) + decay * means) / (h + decay)
        means = means - RATE * (0.5 + decay) * np.clip(step, -radius, radius)
        points = np.concatenate([np.ravel(array) for array in held])
        np.testing.assert_allclose(points, means, rtol=1e-12, atol=1e-12)
