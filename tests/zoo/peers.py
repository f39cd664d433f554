"""Our rules, and whose code is run beside each, with the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dadaptation
import keras
import optax
import prodigyopt
import pytorch_optimizer as po
import schedulefree
import torch
from optax import contrib

from tests.zoo import low_rank, papers, peers_momentum, subspaces
from tests.zoo.libraries import galore_class, training
from tests.zoo.papers import RATE
from tests.zoo.peer import Peer, keras_s, optax_s, other_s, paper_s, po_s, timm_s, torch_s
from tests.zoo.peers_adam import ADAM
from tests.zoo.peers_adaptive import ADAPTIVE
from tests.zoo.peers_distance import DISTANCE
from tests.zoo.peers_layers import LAYERS


def _projecting(make: Any) -> Any:
    """A class that takes what is about projections as options of a group only."""

    def made(params: Sequence[Any], lr: float, **options: Any) -> Any:
        return make([{"params": params, **options}], lr=lr, no_deprecation_warning=True)

    return made


#: Keras computes with some numbers in float32: these are the same there.
BETAS = {"beta_1": 0.875, "beta_2": 1 - 2.0**-6, "epsilon": 2.0**-20}
UNDER_THE_ROOT = "1e-15 is added to the mean square there, whatever epsilon is"
POWERS = (
    "products are in another order, and one step of power iteration lets little differences grow"
)
PEERS: list[Peer] = [
    *peers_momentum.PEERS,
    keras_s("Adagrad", {"initial_accumulator_value": 0.25}),
    optax_s("Adagrad", optax.adagrad, {}),
    torch_s("DecayedAdagrad", torch.optim.Adagrad, {"lr_decay": 0.1}, lr_decay=0.1),
    torch_s("RAdam", torch.optim.RAdam, {"betas": (0.9, 0.95)}, beta_2=0.95),
    po_s("RAdam", po.RAdam, {"betas": (0.9, 0.95), "degenerated_to_sgd": True}, beta_2=0.95),
    optax_s(
        "RAdam",
        optax.radam,
        {"b2": 0.95, "eps": 1e-20},
        beta_2=0.95,
        epsilon=1e-20,
        note="epsilon is added after the correction there",
    ),
    paper_s("RAdam", papers.radam, beta_2=0.95, threshold=4.0, epsilon=1e-20),
    timm_s(
        "RAdam",
        ("radam", "RAdamLegacy"),
        {"betas": (0.9, 0.95)},
        beta_2=0.95,
        tolerance=1e-4,
        note="parameters and gradients are float32 there",
    ),
    keras_s("Lion", {"beta_1": 0.75, "beta_2": 0.875, "weight_decay": 0.125}),
    po_s(
        "Lion",
        po.Lion,
        {"betas": (0.8, 0.9), "weight_decay": 0.1},
        beta_1=0.8,
        beta_2=0.9,
        weight_decay=0.1,
    ),
    timm_s(
        "Lion",
        ("lion", "Lion"),
        {"betas": (0.8, 0.9), "weight_decay": 0.1},
        beta_1=0.8,
        beta_2=0.9,
        weight_decay=0.1,
    ),
    optax_s("AdaBelief", optax.adabelief, {"eps": 1e-3, "eps_root": 1e-3}, epsilon=1e-3),
    po_s("AdaBelief", po.AdaBelief, {}),
    timm_s("AdaBelief", ("adabelief", "AdaBelief"), {"rectify": False}),
    optax_s(
        "Yogi",
        lambda learning_rate: optax.chain(
            optax.scale_by_yogi(initial_accumulator_value=0.0),
            optax.scale_by_learning_rate(learning_rate),
        ),
        {},
        initial_accumulator_value=0.0,
        note="the mean gradient begins with the same number as the mean square there",
    ),
    paper_s("Yogi", papers.yogi),
    po_s("Adan", po.Adan, {"weight_decay": 0.1}, weight_decay=0.1),
    timm_s("Adan", ("adan", "Adan"), {"weight_decay": 0.1}, weight_decay=0.1),
    paper_s("Adan", papers.adan),
    optax_s("ADOPT", contrib.adopt, {}),
    timm_s("ADOPT", ("adopt", "Adopt"), {"clip_exp": 0.25}),
    paper_s("ADOPT", papers.adopt),
    optax_s("AdEMAMix", contrib.ademamix, {}),
    po_s("AdEMAMix", po.AdEMAMix, {"t_alpha_beta3": 20}, warmup=20),
    paper_s("MARS", papers.mars),
    po_s(
        "MARS",
        po.MARS,
        {"optimize_1d": True, "eps": 1e-20},
        epsilon=1e-20,
        tolerance=1e-2,
        note=UNDER_THE_ROOT,
    ),
    timm_s(
        "MARS",
        ("mars", "Mars"),
        {"betas": (0.95, 0.99), "optimize_1d": True},
        magnitude=10.0,
        note="the first gradient isn't corrected there, which clipping hides",
    ),
    po_s("StableAdamW", po.StableAdamW, {"weight_decay": 0.1}, weight_decay=0.1),
    optax_s("LAMB", optax.lamb, {"weight_decay": 0.1}, weight_decay=0.1),
    keras_s("LAMB", BETAS, make=keras.optimizers.Lamb),
    timm_s(
        "LAMB",
        ("lamb", "Lamb"),
        {"weight_decay": 0.1, "max_grad_norm": None},
        weight_decay=0.1,
    ),
    timm_s("LAMB", ("lamb", "Lamb"), {"weight_decay": 0.1}, weight_decay=0.1, global_clipnorm=1.0),
    paper_s("LAMB", papers.lamb, weight_decay=0.1),
    optax_s("LARS", optax.lars, {}),
    timm_s(
        "LARS",
        ("lars", "Lars"),
        {"momentum": 0.9, "weight_decay": 0.1, "eps": 0.0},
        weight_decay=0.1,
    ),
    po_s(
        "LARS",
        po.LARS,
        {"weight_decay": 0.1},
        weight_decay=0.1,
        least_dimensions=2,
        note="vectors have neither ratio nor decay there",
    ),
    paper_s("LARS", papers.lars, weight_decay=0.1),
    keras_s(
        "Ftrl",
        {
            "l1_regularization_strength": 0.25,
            "l2_regularization_strength": 0.125,
            "l2_shrinkage_regularization_strength": 0.0625,
            "beta": 0.5,
        },
    ),
    po_s(
        "Ftrl",
        po.FTRL,
        {"lambda_1": 0.3, "lambda_2": 0.2, "beta": 0.5, "lr_power": -0.5},
        l1_regularization_strength=0.3,
        l2_regularization_strength=0.1,
        beta=0.5,
        initial_accumulator_value=0.0,
        note="the penalty of the square is half of Keras's there",
    ),
    torch_s("Rprop", torch.optim.Rprop, {}, learning_rate=1.0, initial_length=RATE),
    paper_s("Rprop", papers.rprop, learning_rate=1.0, initial_length=RATE),
    torch_s(
        "ASGD",
        torch.optim.ASGD,
        {"lambd": 0.1},
        lambd=0.1,
        tolerance=1e-7,
        note="eta is a float32 there",
    ),
    po_s(
        "AdaBound", po.AdaBound, {"gamma": 0.05}, gamma=0.05, final_rate=0.1 / RATE, magnitude=30.0
    ),
    po_s(
        "AdaBound",
        po.AdaBound,
        {"gamma": 0.05, "final_lr": 0.02, "ams_bound": True, "betas": (0.9, 0.8)},
        gamma=0.05,
        final_rate=0.02 / RATE,
        amsgrad=True,
        beta_2=0.8,
        magnitude=30.0,
    ),
    paper_s("PAdam", papers.padam),
    po_s(
        "QHAdam",
        po.QHAdam,
        {"betas": (0.995, 0.999), "nus": (0.7, 0.9)},
        nu_2=0.9,
        tolerance=1e-6,
        note="the weights of the newest gradient are float32 there",
    ),
    po_s("QHM", po.QHM, {"momentum": 0.9, "nu": 0.7}, beta=0.9),
    po_s("LaProp", po.LaProp, {"foreach": False}, magnitude=1e6, note=UNDER_THE_ROOT),
    timm_s(
        "LaProp",
        ("laprop", "LaProp"),
        {},
        tolerance=1e-6,
        note="the correction of the mean square is float32 there",
    ),
    po_s(
        "MADGRAD",
        po.MADGRAD,
        {"lr": RATE - 1e-6},
        note="epsilon is added to the learning rate there, as in the authors' code",
    ),
    timm_s("MADGRAD", ("madgrad", "MADGRAD"), {"lr": RATE - 1e-6}, note="the same"),
    po_s("AdamG", po.AdamG, {"lr": 1.0}, learning_rate=1.0),
    po_s(
        "DiffGrad",
        po.DiffGrad,
        {"eps": 1e-20},
        epsilon=1e-20,
        magnitude=300.0,
        note=UNDER_THE_ROOT,
    ),
    paper_s("AdaMod", papers.adamod),
    po_s("AdaPNM", po.AdaPNM, {"eps": 1e-20}, epsilon=1e-20, magnitude=1e6, note=UNDER_THE_ROOT),
    paper_s("AdamAtan2", papers.adamatan2),
    optax_s("SignSGD", optax.sign_sgd, {}),
    optax_s("Signum", optax.signum, {}),
    po_s("Signum", po.SignSGD, {"momentum": 0.9}),
    po_s("Tiger", po.Tiger, {"weight_decay": 0.1}, weight_decay=0.1),
    paper_s("PowerSign", papers.powersign),
    paper_s("AddSign", papers.addsign),
    po_s("AccSGD", po.AccSGD, {}),
    keras_s(
        "Adafactor",
        {"beta_2_decay": -0.75, "epsilon_1": 2.0**-90, "epsilon_2": 0.125},
        tolerance=1e-6,
        note="numbers of Keras's are float32 where they aren't Python's",
    ),
    keras_s("KerasAdafactor", {}, make=keras.optimizers.Adafactor, tolerance=1e-6, note="the same"),
    paper_s("Adafactor", papers.adafactor, learning_rate=1.0),
    timm_s(
        "Adafactor",
        ("adafactor", "Adafactor"),
        {"lr": None, "min_dim_size_to_factor": 1},
        learning_rate=0.01,
        most_dimensions=2,
        note="of more dimensions, the first two are factored there",
    ),
    torch_s(
        "TorchAdafactor",
        torch.optim.Adafactor,
        {"eps": (2e-7, 1e-3), "weight_decay": 0.1, "d": 1.5},
        epsilon_1=2e-7,
        weight_decay=0.1,
        d=1.5,
    ),
    other_s(
        "Prodigy",
        "prodigyopt",
        prodigyopt.Prodigy,
        {"d0": 1e-3, "eps": 1e-20, "weight_decay": 0.1, "d_coef": 2.0},
        d0=1e-3,
        epsilon=1e-20,
        weight_decay=0.1,
        d_coef=2.0,
        note="epsilon is multiplied by the next distance there",
    ),
    other_s(
        "Prodigy",
        "prodigyopt",
        prodigyopt.Prodigy,
        {"d0": 1e-3, "eps": 1e-20, "use_bias_correction": True, "safeguard_warmup": True},
        d0=1e-3,
        epsilon=1e-20,
        use_bias_correction=True,
        safeguard_warmup=True,
        note="the same",
    ),
    other_s(
        "DAdaptAdam",
        "dadaptation",
        dadaptation.DAdaptAdam,
        {"d0": 1e-3, "decouple": True, "weight_decay": 0.1, "growth_rate": 1.25},
        d0=1e-3,
        weight_decay=0.1,
        growth_rate=1.25,
    ),
    other_s(
        "ScheduleFreeSGD",
        "schedulefree",
        training(schedulefree.SGDScheduleFree),
        {"weight_decay": 0.1, "warmup_steps": 7, "r": 1.0},
        weight_decay=0.1,
        warmup_steps=7,
        r=1.0,
    ),
    other_s(
        "ScheduleFreeAdamW",
        "schedulefree",
        training(schedulefree.AdamWScheduleFree),
        {"weight_decay": 0.1, "warmup_steps": 7, "r": 1.0},
        weight_decay=0.1,
        warmup_steps=7,
        r=1.0,
    ),
    torch_s("NAdam", torch.optim.NAdam, {"momentum_decay": 0.3}, momentum_decay=0.3),
    timm_s("NAdam", ("nadam", "NAdamLegacy"), {"schedule_decay": 0.3}, momentum_decay=0.3),
    keras_s("NAdam", BETAS, make=keras.optimizers.Nadam, momentum_decay=1.0, **BETAS),
    po_s(
        "Sophia",
        po.SophiaH,
        {"lr": RATE / 0.5, "p": 0.5, "betas": (0.965, 0.99), "update_period": 1000},
        gamma=0.5,
        epsilon=1e-12 * 0.5,
        magnitude=10.0,
        note="steps aren't scaled by the bound there",
    ),
    po_s("NovoGrad", po.NovoGrad, {"weight_decay": 0.1}, weight_decay=0.1),
    timm_s(
        "NovoGrad",
        ("nvnovograd", "NvNovoGrad"),
        {"weight_decay": 0.1},
        weight_decay=0.1,
        tolerance=1e-6,
        note="the mean square is float32 there",
    ),
    optax_s("NovoGrad", optax.novograd, {"b1": 0.95, "b2": 0.98, "eps": 1e-8}),
    po_s("CAME", po.CAME, {}),
    po_s(
        "AdamP",
        po.AdamP,
        {"delta": 1.5, "weight_decay": 0.1, "eps": 1e-20},
        delta=1.5,
        weight_decay=0.1,
        epsilon=1e-20,
        note="epsilon is added before the correction there",
    ),
    timm_s(
        "AdamP",
        ("adamp", "AdamP"),
        {"delta": 1.5, "weight_decay": 0.1},
        delta=1.5,
        weight_decay=0.1,
    ),
    po_s(
        "SGDP",
        po.SGDP,
        {"momentum": 0.9, "delta": 1.5, "weight_decay": 0.01, "dampening": 0.1},
        delta=1.5,
        weight_decay=0.01,
        dampening=0.1,
    ),
    po_s(
        "SGDP",
        po.SGDP,
        {"momentum": 0.9, "delta": 1.5, "nesterov": True},
        delta=1.5,
        nesterov=True,
    ),
    timm_s(
        "SGDP",
        ("sgdp", "SGDP"),
        {"momentum": 0.9, "delta": 1.5, "weight_decay": 0.01, "dampening": 0.1},
        delta=1.5,
        weight_decay=0.01,
        dampening=0.1,
    ),
    timm_s(
        "SGDP",
        ("sgdp", "SGDP"),
        {"momentum": 0.9, "delta": 1.5, "nesterov": True},
        delta=1.5,
        nesterov=True,
    ),
    po_s(
        "SM3",
        po.SM3,
        {"momentum": 0.9, "beta": 0.0},
        most_dimensions=2,
        note="tensors have a bound for each index of each dimension there",
    ),
    optax_s("SM3", optax.sm3, {}, epsilon=1e-8, most_dimensions=2, note="the same"),
    optax_s("DoG", contrib.dog, {"init_step": ("heuristic", 1e-2)}, reps_rel=1e-2),
    paper_s("AdamMini", papers.adammini),
    po_s(
        "Nero",
        po.Nero,
        {"eps": 1e-20},
        epsilon=1e-20,
        note="epsilon makes steps of rows shorter there",
    ),
    paper_s(
        "SGLD", papers.sgld, temperature=0.0, note="without noise, which has a test of its own"
    ),
    po_s(
        "GaLore",
        po.GaLore,
        {"rank": 2, "update_proj_gap": 100, "scale": 0.25, "projection_type": "std"},
        rank=2,
        least_dimensions=2,
        most_dimensions=2,
        tolerance=1e-4,
        note="singular vectors are computed in float32 there, and of two dimensions only",
    ),
    other_s(
        "GaLore",
        "galore_torch",
        _projecting(galore_class("adamw", "AdamW")),
        {"rank": 2, "update_proj_gap": 100, "scale": 0.25, "proj_type": "std"},
        rank=2,
        least_dimensions=2,
        most_dimensions=2,
        tolerance=1e-4,
        note="the same",
    ),
    paper_s("LDAdam", subspaces.ldadam(2), rank=2, least_dimensions=2, tolerance=1e-7, note=POWERS),
    paper_s(
        "FRUGAL",
        subspaces.frugal(2, 7, 0.5),
        rank=2,
        period=7,
        free_rate=0.5,
        least_dimensions=2,
    ),
    paper_s("COSMOS", subspaces.cosmos(2), rank=2, least_dimensions=2, tolerance=1e-7, note=POWERS),
    paper_s("Dion2", subspaces.dion2(2, by_row=False), rank=2, least_dimensions=2),
    paper_s("NorDion2", subspaces.dion2(2, by_row=True), rank=2, epsilon=1e-14, least_dimensions=2),
    paper_s("GaLore", low_rank.galore(2, 7, 0.25), rank=2, period=7, least_dimensions=2),
    paper_s(
        "Dion",
        low_rank.dion(2, 0.9),
        rank=2,
        momentum=0.9,
        least_dimensions=2,
        most_dimensions=2,
    ),
    paper_s(
        "APOLLO",
        low_rank.apollo(2, 7, 1.0, by_column=True),
        rank=2,
        period=7,
        least_dimensions=2,
        most_dimensions=2,
    ),
    paper_s(
        "APOLLOMini",
        low_rank.apollo(1, 7, 128**0.5, by_column=False),
        period=7,
        least_dimensions=2,
        most_dimensions=2,
    ),
    *ADAM,
    *ADAPTIVE,
    *DISTANCE,
    *LAYERS,
]
