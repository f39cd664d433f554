"""Rules that need no learning rate, by distances or by the loss, beside other code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dadaptation
import optax
import pytorch_optimizer as po
import torch
from optax import contrib

from tests.zoo import papers_adaptive as papers
from tests.zoo import papers_losses as losses
from tests.zoo.papers import D0 as D0_OF_PAPERS
from tests.zoo.papers import RATE
from tests.zoo.papers_losses import of_all
from tests.zoo.peer import Peer, optax_s, other_s, paper_s


class TakingLoss:
    """An optimizer of pytorch_optimizer's that takes the loss from a closure."""

    def __init__(self, params: Sequence[torch.Tensor], lr: float, **options: Any) -> None:
        self._inner = po.AliG(params, max_lr=lr, foreach=False, **options)

    def step(self, loss: float) -> None:
        self._inner.step(lambda: loss)


D0 = {"d0": 1e-3, "growth_rate": 1.25}
DISTANCE = [
    optax_s(
        "COCOB",
        lambda learning_rate: optax.chain(contrib.cocob(alpha=3.0), optax.scale(learning_rate)),
        {},
        alpha=3.0,
        note="the learning rate is a factor of gradients there, which changes nothing",
    ),
    optax_s(
        "DoWG",
        contrib.dowg,
        {"init_estim_sq_dist": 0.01, "eps": 1e-4},
        first_distance=0.1,
        epsilon=1e-4,
    ),
    paper_s("LDoG", papers.ldog, learning_rate=1.0, reps_rel=0.01),
    other_s(
        "DAdaptSGD",
        "dadaptation",
        dadaptation.DAdaptSGD,
        {"momentum": 0.8, **D0},
        momentum=0.8,
        **D0,
    ),
    other_s(
        "DAdaptAdagrad",
        "dadaptation",
        dadaptation.DAdaptAdaGrad,
        {"momentum": 0.8, **D0},
        momentum=0.8,
        **D0,
    ),
    other_s(
        "DAdaptLion",
        "dadaptation",
        dadaptation.DAdaptLion,
        {"d0": 1e-3, "weight_decay": 0.1},
        d0=1e-3,
        weight_decay=0.1,
    ),
    other_s(
        "DAdaptAdan",
        "dadaptation",
        dadaptation.DAdaptAdan,
        {"d0": 1e-3, "weight_decay": 0.1},
        d0=1e-3,
        weight_decay=0.1,
    ),
    optax_s(
        "PolyakSGD",
        lambda learning_rate: optax.polyak_sgd(learning_rate, f_min=0.5, eps=0.01, variant="sps+"),
        {},
        scale=1.0,
        least_loss=0.5,
        epsilon=0.01,
    ),
    other_s(
        "AliG",
        "pytorch_optimizer",
        TakingLoss,
        {"momentum": 0.8},
        momentum=0.8,
        epsilon=1e-6,
        tolerance=1e-6,
        note="the global norm is float32 there",
    ),
    Peer("AEGD", "paper", of_all(losses.aegd), {}),
    Peer("AEGD", "paper", of_all(losses.aegdm), {"momentum": 0.8}),
    Peer("L4Adam", "paper", of_all(losses.l4adam), {"forget_steps": 10.0}),
    Peer("BacktrackingSGD", "paper", of_all(losses.backtracking), {"learning_rate": 5 * RATE}),
    Peer("MeZO", "paper", losses.mezo, {"epsilon": 0.5, "weight_decay": 0.1}),
    Peer("ScheduleFreeAdamW", "paper", of_all(losses.refined), {"averaging_window": 30.0}),
    Peer(
        "ScheduleFreePlus",
        "paper",
        of_all(losses.schedulefreeplus),
        {
            "learning_rate": 10 * RATE,
            "nearness": 0.8,
            "last_nearness": 0.95,
            "nearness_steps": 9,
            "weight_decay": 0.1,
            "r": 1.0,
        },
    ),
    Peer(
        "ProdigyPlus",
        "paper",
        losses.prodigyplus,
        {"d0": D0_OF_PAPERS, "epsilon": 1e-20, "weight_decay": 0.1, "averaging_window": 30.0},
    ),
    optax_s("MoMo", contrib.momo, {"lower_bound": 0.5}, least_loss=0.5),
    optax_s("MoMoAdam", contrib.momo_adam, {"lower_bound": 0.5}, least_loss=0.5),
]
