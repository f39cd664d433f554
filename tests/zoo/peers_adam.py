"""Relatives of Adam beside other libraries' and the papers' formulas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from unittest.mock import patch

import heavyball
import optax
import pytorch_optimizer as po
import torch
from optax import contrib

from tests.zoo import papers_adam
from tests.zoo.libraries import of_torch
from tests.zoo.papers import RATE
from tests.zoo.peer import Peer, optax_s, paper_s, po_s, timm_s, torch_s
from tests.zoo.runs import Model

#: What pytorch_optimizer adds to mean squares, whatever epsilon is, counts nothing beside these.
LARGE = {"epsilon": 1e-20, "magnitude": 300.0}
UNDER_THE_ROOT = "1e-15 is added to the mean square there, whatever epsilon is"


def heavyball_s(rule: str, make: Any, **ours: Any) -> Peer:
    """A class of HeavyBall's, which compiles nothing here."""
    run = of_torch(make, lr=RATE, storage_dtype="float64", multi_tensor=False)

    def not_compiled(first: Model, rows: Sequence[Model]) -> Sequence[Model]:
        with patch.object(heavyball.utils, "compile_mode", None):
            return run(first, rows)

    return Peer(rule, "heavyball", not_compiled, ours)


def _after_the_peak(params: Sequence[Any], lr: float, **options: Any) -> Any:
    """AdamC at half of the largest learning rate, which is that of its construction."""
    optimizer = po.AdamC(params, lr=2 * lr, normalized=True, **options)
    for group in optimizer.param_groups:
        group["lr"] = lr
    return optimizer


#: What came after the paper, and what is a feature or a schedule here, is off.
RANGER21: Mapping[str, Any] = {
    "num_iterations": 1000,
    "disable_lr_scheduler": True,
    "lookahead_merge_time": 1000,
    "normalize_gradients": False,
    "use_softplus": False,
    "norm_loss_factor": 0.0,
    "weight_decay": 0.0,
}
ADAM = [
    optax_s("AMSGrad", optax.amsgrad, {"bias_correction_mu": False, "bias_correction_nu": False}),
    paper_s("AMSGrad", papers_adam.amsgrad),
    optax_s(
        "AdamaxW",
        optax.adamaxw,
        {"weight_decay": 0.1, "eps": 1e-20},
        weight_decay=0.1,
        epsilon=1e-20,
        note="epsilon is added to the gradient's magnitude there",
    ),
    timm_s("NAdamW", ("nadamw", "NAdamW"), {"weight_decay": 0.1}, weight_decay=0.1),
    optax_s("OptaxNAdam", optax.nadamw, {"weight_decay": 0.1}, weight_decay=0.1),
    paper_s("Nadamax", papers_adam.nadamax),
    paper_s("FastAdaBelief", papers_adam.fastadabelief),
    paper_s("AdamD", papers_adam.adamd),
    po_s("AdaShift", po.AdaShift, {}),
    po_s("AdamD", po.AdamS, {"weight_decay": 0.0, "adam_debias": True}),
    po_s(
        "AdamC",
        _after_the_peak,
        {"weight_decay": 0.1, "eps": 1e-20},
        weight_decay=0.1,
        peak_rate=2 * RATE,
        **LARGE,
        note=UNDER_THE_ROOT,
    ),
    po_s("AdamS", po.AdamS, {"weight_decay": 0.1}, weight_decay=0.1),
    po_s("Ranger21", po.Ranger21, {**RANGER21, "agc_clipping_value": 1e9}, weight_decay=0.0),
    Peer("Ranger21", "paper", papers_adam.ranger21, {"weight_decay": 0.1, "epsilon": 1e-15}),
    optax_s("SimplifiedAdEMAMix", contrib.simplified_ademamix, {"alpha": 0.5}, alpha=0.5),
    paper_s("SimplifiedAdEMAMix", papers_adam.simplifiedademamix, alpha=0.5),
    paper_s("ACProp", papers_adam.acprop, epsilon=1e-16),
    po_s("EXAdam", po.EXAdam, {"eps": 1e-3}, epsilon=1e-3),
    po_s("Ano", po.Ano, {}),
    po_s("AdaNorm", po.AdaNorm, {"eps": 1e-20}, **LARGE, note=UNDER_THE_ROOT),
    po_s(
        "FAdam",
        po.FAdam,
        {"fim_dtype": torch.float64, "momentum_dtype": torch.float64, "clip": 0.5, "eps": 1e-3},
        clip_above=0.5,
        epsilon=1e-3,
    ),
    po_s(
        "RectifiedAdaBelief",
        po.AdaBelief,
        {"rectify": True, "degenerated_to_sgd": True, "betas": (0.9, 0.95)},
        beta_2=0.95,
    ),
    timm_s("RectifiedAdaBelief", ("adabelief", "AdaBelief"), {"betas": (0.9, 0.95)}, beta_2=0.95),
    paper_s("AdaDerivative", papers_adam.adaderivative),
    paper_s("TAdam", papers_adam.tadam),
    paper_s("MomentumNormalizedAdam", papers_adam.momentumnormalizedadam),
    heavyball_s("SignLaProp", heavyball.SignLaProp),
    heavyball_s("UnscaledAdamW", heavyball.UnscaledAdamW),
    po_s(
        "DualAdam", po.DualAdam, {"switch_rate": 0.06, "eps": 1e-3}, switch_rate=0.06, epsilon=1e-3
    ),
    paper_s("EAdam", papers_adam.eadam, epsilon=1e-4),
    paper_s("CAdam", papers_adam.cadam),
    timm_s("RMSpropTF", ("rmsprop_tf", "RMSpropTF"), {"momentum": 0.9}),
    po_s("Kate", po.Kate, {"delta": 0.3, "eps": 1e-3}, square_weight=0.3, epsilon=1e-3),
    po_s("AdaSmooth", po.AdaSmooth, {}),
    paper_s("MirrorMADGRAD", papers_adam.mirrormadgrad),
    paper_s("SMORMS3", papers_adam.smorms3),
    po_s("MSVAG", po.MSVAG, {}),
    po_s("PNM", po.PNM, {"betas": (0.9, 0.7)}, beta_0=0.7),
    po_s(
        "SPAM",
        po.SPAM,
        {
            "threshold": 3,
            "grad_accu_steps": 4,
            "update_proj_gap": 11,
            "warmup_epoch": 5,
            "eps": 1e-20,
        },
        threshold=3.0,
        quiet_steps=4,
        period=11,
        warmup_steps=5,
        epsilon=1e-20,
        note="epsilon is added before the correction there",
    ),
    torch_s(
        "LazyAdam",
        torch.optim.Adam,
        {"eps": 1e-20},
        epsilon=1e-20,
        note="torch's SparseAdam, with rows that have none, has a test of its own",
    ),
    paper_s("AdamInject", papers_adam.adaminject),
    paper_s("GrokAdamW", papers_adam.grokadamw, epsilon=1e-20),
    po_s("MARSLion", po.MARS, {"mars_type": "lion", "optimize_1d": True}),
]
