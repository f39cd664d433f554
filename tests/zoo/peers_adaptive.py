"""Rules with a rate for each element, beside other code."""

from __future__ import annotations

import pytorch_optimizer as po

from tests.zoo import papers_adaptive as papers
from tests.zoo.papers_adaptive import of_whole
from tests.zoo.peer import Peer, paper_s, po_s

A2GRAD = {"lr": None, "beta": 0.1, "lips": 2.0, "foreach": False}
OURS = {"learning_rate": 1.0, "beta": 0.1, "lipschitz": 2.0}
ADAPTIVE = [
    po_s(
        "Adai", po.Adai, {"foreach": False}, magnitude=10.0, note="means have a least value there"
    ),
    Peer("Adai", "paper", of_whole(papers.adai), {}),
    Peer("AvaGrad", "paper", of_whole(papers.avagrad), {}),
    Peer("AvaGrad", "paper", of_whole(papers.sharp_avagrad), {"epsilon": 0.001}),
    po_s(
        "Aida",
        po.Aida,
        {"eps": 1e-12, "foreach": False},
        magnitude=10.0,
        tolerance=1e-6,
        note="1e-15 is added to the mean square there",
    ),
    po_s(
        "AdaGC",
        po.AdaGC,
        {"warmup_steps": 8, "lambda_abs": 2.0, "weight_decay": 0.0, "foreach": False},
        warmup_steps=8,
        absolute_bound=2.0,
        tolerance=1e-6,
        note="the global norm is float32 there",
    ),
    po_s(
        "ApolloDQN",
        po.ApolloDQN,
        {"warmup_steps": 0, "foreach": False},
    ),
    po_s("A2GradUni", po.A2Grad, {**A2GRAD, "variant": "uni"}, **OURS),
    po_s("A2GradInc", po.A2Grad, {**A2GRAD, "variant": "inc"}, **OURS),
    po_s("A2GradExp", po.A2Grad, {**A2GRAD, "variant": "exp", "rho": 0.7}, **OURS, rho=0.7),
    po_s("BCOSg", po.BCOS, {"mode": "g", "weight_decay": 0.0, "foreach": False}),
    po_s(
        "BCOSm",
        po.BCOS,
        {"mode": "m", "beta2": 0.8, "weight_decay": 0.0, "foreach": False},
        beta_2=0.8,
    ),
    paper_s("BCOSc", papers.bcosc),
    paper_s("AdaTAM", papers.adatam),
    po_s(
        "SGDSaI",
        po.SGDSaI,
        {"weight_decay": 0.0, "foreach": False},
        least_dimensions=2,
        note="the signal of a vector is its norm there",
    ),
    paper_s("AdaX", papers.adax),
    paper_s("AdamNC", papers.adamnc),
    paper_s("NosAdam", papers.nosadam),
    paper_s("SAdam", papers.sadam),
    paper_s("SCAdagrad", papers.scadagrad),
    paper_s("SCRMSprop", papers.scrmsprop),
    paper_s("OptimisticAdam", papers.optimisticadam),
    paper_s("AdaMomentum", papers.adamomentum, epsilon=0.001),
    paper_s("KourkoutasBeta", papers.kourkoutas, warmup_steps=3),
    paper_s("AdamWin", papers.adamwin, weight_decay=0.1),
    paper_s("AdagradDA", papers.adagradda, **papers.PENALTIES),
    po_s(
        "StableSPAM",
        po.StableSPAM,
        {"update_proj_gap": 7, "theta": 0.9},
        period=7,
        spike_decay=0.9,
    ),
]
