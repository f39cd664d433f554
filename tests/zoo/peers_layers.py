"""Rules with numbers of tensors, rows and columns, and of matrices, beside other code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import heavyball
import optax
import pytorch_optimizer as po
import torch

from tests.numeric.matrix_peers import not_compiled, within
from tests.zoo import papers_layers as papers
from tests.zoo.libraries import of_torch
from tests.zoo.papers import RATE
from tests.zoo.peer import Peer, optax_s, other_s, paper_s, po_s, timm_s

MATRICES = {"least_dimensions": 2}
FLAT = {"least_dimensions": 2, "most_dimensions": 2}


def of_scale(params: Sequence[torch.Tensor], **options: Any) -> Any:
    """Amos with the same scale for every parameter, whatever its shape."""
    optimizer = po.Amos(params, foreach=False, **options)
    optimizer.get_scale = lambda _: 0.5
    return optimizer


def by_rows(params: Sequence[torch.Tensor], **options: Any) -> Any:
    """The optimizer of subset norms, whose subsets have the length of a row."""
    groups = [{"params": [p], "sn": True, "subset_size": p.size(-1)} for p in params]
    return po.AdamWSN(groups, foreach=False, **options)


class Fused:
    """AdaLOMO of pytorch_optimizer, which steps while it goes backward through a model."""

    def __init__(self, params: Sequence[torch.Tensor], lr: float) -> None:
        self._params, self._rate = params, lr
        self._inner = po.AdaLOMO(torch.nn.ParameterList(params), lr=lr)

    def step(self) -> None:
        slopes = [p.grad for p in self._params]
        for p in self._params:
            p.grad = None
        pairs = zip(self._params, slopes, strict=True)
        sums = [torch.sum(p * slope) for p, slope in pairs if slope is not None]
        loss = torch.stack(sums).sum()
        self._inner.fused_backward(loss, self._rate)


def with_rank(params: Sequence[torch.Tensor], **options: Any) -> Any:
    """An optimizer that takes what is about projections as options of a group."""
    projection = {"rank": 2, "update_proj_gap": 100, "scale": 1.0, "projection_type": "std"}
    return po.Fira([{"params": params, **projection}], foreach=False, **options)


HYPERBALL = of_torch(
    heavyball.HyperBallAdamW,
    lr=RATE,
    betas=(0.9, 0.98),
    storage_dtype="float64",
    multi_tensor=False,
)
NESTEROV = {"momentum": 0.9, "weight_decay": 0.1, "nesterov": True}
LAYERS = [
    optax_s("Fromage", optax.fromage, {}),
    po_s("Fromage", po.Fromage, {"foreach": False}),
    paper_s("LANS", papers.lans, weight_decay=0.1),
    timm_s(
        "LARC",
        ("lars", "Lars"),
        {"momentum": 0.9, "weight_decay": 0.1, "trust_coeff": 0.02, "trust_clip": True},
        weight_decay=0.1,
    ),
    timm_s(
        "LARC",
        ("lars", "Lars"),
        {"trust_coeff": 0.02, "trust_clip": True, **NESTEROV},
        weight_decay=0.1,
        nesterov=True,
    ),
    timm_s("LARS", ("lars", "Lars"), {"eps": 0.0, **NESTEROV}, weight_decay=0.1, nesterov=True),
    po_s("Amos", of_scale, {}),
    other_s(
        "Adafactor",
        "pytorch_optimizer",
        Fused,
        {},
        relative_step=False,
        tolerance=1e-4,
        note="AdaLOMO: Adafactor inside of the backward pass, in float32, and of two dimensions",
        most_dimensions=2,
    ),
    paper_s("Adalayer", papers.adalayer),
    other_s("AdamWSN", "pytorch_optimizer", by_rows, {}, **FLAT),
    paper_s("ScaleSGD", papers.scale, momentum=0.8, epsilon=1e-20),
    paper_s("HyperballAdam", papers.hyperball),
    Peer(
        "HyperballAdam",
        "heavyball",
        within(HYPERBALL, not_compiled),
        {"beta_1": 0.0, "beta_2": 0.98},
        "gradients have no mean there, and weights are float32",
        tolerance=1e-5,
    ),
    paper_s("AdaGO", papers.adago, **MATRICES),
    paper_s("PolarGrad", papers.polargrad, **MATRICES),
    paper_s("RACS", papers.racs, **MATRICES),
    paper_s("SinkGD", papers.sinkgd, **MATRICES),
    paper_s("ASGO", papers.asgo, beta_1=0.9, beta_2=0.8, **MATRICES),
    other_s(
        "Fira",
        "pytorch_optimizer",
        with_rank,
        {},
        rank=2,
        tolerance=1e-4,
        note="singular vectors are computed in float32 there, and of two dimensions only",
        **FLAT,
    ),
]
