"""Peers of rules of momentum, of one rate for all, of averages, of noise and of curvature."""

from __future__ import annotations

from typing import Any

import optax
import pytorch_optimizer as po
import schedulefree
import torch

from tests.zoo import papers_momentum as papers
from tests.zoo.libraries import OneStep, training
from tests.zoo.papers import RATE, Steps
from tests.zoo.papers_momentum import HYPER, PENALTY, RHO, of_all
from tests.zoo.peer import Peer, optax_s, other_s, paper_s, po_s, timm_s, torch_s


def of_all_s(rule: str, steps: Steps, **own: Any) -> Peer:
    """The paper's formulas for all parameters together."""
    return Peer(rule, "paper", of_all(steps), own)


def _normalized(*rules: optax.GradientTransformation, learning_rate: float) -> Any:
    return optax.chain(*rules, optax.scale_by_learning_rate(learning_rate))


_NORM = optax.normalize_by_update_norm(eps=1e-6)
PENALTIES = {"l1": PENALTY, "l2": PENALTY}
PEERS: list[Peer] = [
    po_s("SGDW", po.SGDW, {"momentum": 0.9, "weight_decay": 0.1}, weight_decay=0.1),
    timm_s("SGDW", ("sgdw", "SGDW"), {"momentum": 0.9, "weight_decay": 0.1}, weight_decay=0.1),
    torch_s("HeavyBall", torch.optim.SGD, {"momentum": 0.9}),
    torch_s("NAG", torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    optax_s("NAG", optax.sgd, {"momentum": 0.9, "nesterov": True}),
    paper_s("NesterovSequence", papers.nesterov_sequence),
    po_s("AggMo", po.AggMo, {"betas": (0.0, 0.9, 0.99)}),
    po_s("PID", po.PID, {"momentum": 0.9, "integral": 5.0, "derivative": 10.0}),
    po_s("Gravity", po.Gravity, {"alpha": 0.0, "beta": 0.9}, alpha=0.0),
    paper_s("Gravity", papers.gravity, alpha=0.0),
    paper_s("SRMM", papers.srmm, memory_length=7),
    paper_s("TAM", papers.tam),
    po_s("VSGD", po.VSGD, {}),
    optax_s(
        "OptimisticGD",
        optax.optimistic_gradient_descent,
        {"alpha": 0.75, "beta": 0.5},
        alpha=0.75,
        beta=0.5,
    ),
    paper_s("ProximalSGD", papers.proximal, **PENALTIES),
    paper_s("ProximalAdagrad", papers.proximal_adagrad, **PENALTIES),
    paper_s("ConditionalGradient", papers.conditional, epsilon=1e-20),
    optax_s(
        "NormalizedSGD",
        lambda learning_rate: _normalized(
            optax.ema(0.9, debias=False), _NORM, learning_rate=learning_rate
        ),
        {},
    ),
    optax_s(
        "NormalizedSGD",
        lambda learning_rate: _normalized(_NORM, learning_rate=learning_rate),
        {},
        momentum=0.0,
    ),
    optax_s(
        "SNGM",
        lambda learning_rate: _normalized(_NORM, optax.trace(0.9), learning_rate=learning_rate),
        {},
    ),
    paper_s("DemonSGD", papers.demon, total_steps=25),
    of_all_s("AcceleGrad", papers.accelegrad),
    paper_s(
        "SGHMC", papers.sghmc, temperature=0.0, note="without noise, which has a test of its own"
    ),
    of_all_s("AdaGradNorm", papers.adagrad_norm, first_norm=0.5),
    of_all_s("WNGrad", papers.wngrad, first_inverse=0.5),
    paper_s("DeltaBarDelta", papers.delta_bar_delta),
    paper_s("RpropPlus", papers.rprop_plus, learning_rate=1.0, initial_length=RATE),
    of_all_s(
        "HypergradientSGD",
        papers.hypergradient,
        learning_rate=1.0,
        first_rate=RATE,
        hyper_rate=HYPER,
    ),
    of_all_s(
        "HypergradientNesterov",
        papers.hypergradient_nesterov,
        learning_rate=1.0,
        first_rate=RATE,
        hyper_rate=HYPER,
    ),
    of_all_s(
        "HypergradientAdam",
        papers.hypergradient_adam,
        learning_rate=1.0,
        first_rate=RATE,
        hyper_rate=HYPER,
    ),
    of_all_s("AdGD", papers.adgd, learning_rate=1.0, first_rate=0.001),
    of_all_s("BarzilaiBorwein", papers.barzilai_borwein, learning_rate=1.0),
    torch_s("LBFGS", OneStep, {}),
    po_s("FOCUS", po.FOCUS, {}),
    paper_s("FOCUS", papers.focus),
    paper_s("EFSignSGD", papers.error_feedback),
    other_s(
        "ScheduleFreeRAdam",
        "schedulefree",
        training(schedulefree.RAdamScheduleFree),
        {"weight_decay": 0.1, "r": 1.0},
        weight_decay=0.1,
        r=1.0,
    ),
    other_s(
        "ScheduleFreeRAdam",
        "schedulefree",
        training(schedulefree.RAdamScheduleFree),
        {"silent_sgd_phase": False, "betas": (0.8, 0.95)},
        silent_sgd_phase=False,
        beta_1=0.8,
        beta_2=0.95,
    ),
    po_s(
        "ScheduleFreeRAdam",
        training(po.ScheduleFreeRAdam),
        {"weight_decay": 0.1, "r": 1.0},
        weight_decay=0.1,
        r=1.0,
    ),
    paper_s("GPAAdamW", papers.primal_averaging, mu_x=0.75, mu_y=0.875, weight_decay=0.1),
    of_all_s("MSAM", papers.msam, rho=RHO),
    paper_s("AdaHessian", papers.adahessian, beta_2=0.99, hessian_power=0.5),
    paper_s("SophiaG", papers.sophia_g, batch_size=16.0),
    paper_s("AngularGrad", papers.angular),
    paper_s("ExactMARS", papers.exact_mars),
    of_all_s("STORM", papers.storm, first_squares=0.5, new_weight=16.0),
    of_all_s("STORMPlus", papers.stormplus),
    of_all_s("SPIDER", papers.spider, longest_step=0.5),
    paper_s(
        "IVON", papers.ivon, weight_decay=0.25, note="at the mean; samples have a test of their own"
    ),
]
