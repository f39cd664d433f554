"""Where another library's code isn't what the paper says, with the arguments that show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import heavyball
import keras
import numpy as np
import optax
import prodigyopt
import pytorch_optimizer as po
import torch
from optax import contrib

from tests.numeric.matrix_peers import not_compiled, within
from tests.zoo import papers, papers_adam, papers_adaptive, papers_layers, papers_momentum
from tests.zoo.libraries import of_keras, of_optax, of_torch, timm_class
from tests.zoo.papers import D0, EPSILON, RATE, Steps, of_paper
from tests.zoo.peers_adam import RANGER21
from tests.zoo.runs import Array, Model, Run, of_built, of_ours

FIRST: Model = [np.array([3.0, 4.0])]
GRADIENTS = ((1.0, -2.0), (3.0, 1.0), (-2.0, 0.5))
#: With a learning rate of this, as everywhere in these tests.
OPTAX, PO = {"learning_rate": RATE}, {"lr": RATE}


@dataclass(frozen=True)
class Finding:
    """A library's run, the paper's, and ours, which is the paper's."""

    library: str
    name: str
    theirs: Run
    rule: str
    paper: Steps
    arguments: Mapping[str, Any] = field(default_factory=dict)
    magnitude: float = 1.0
    feature: str = ""

    def __str__(self) -> str:
        return f"{self.library} {self.name}"

    @property
    def _rows(self) -> Sequence[Model]:
        return [[self.magnitude * np.array(row)] for row in GRADIENTS]

    def _first(self, run: Run) -> list[float]:
        """The first element of the parameter after each step."""
        return [float(model[0][0]) for model in run(FIRST, self._rows)]

    def of_theirs(self) -> list[float]:
        return self._first(self.theirs)

    def of_paper(self) -> list[float]:
        return self._first(of_paper(self.paper))

    def of_ours(self) -> list[float]:
        arguments = {"learning_rate": RATE, **self.arguments}
        if self.feature:
            return self._first(of_built([self.rule.lower(), self.feature], arguments))
        return self._first(of_ours(self.rule, arguments))


def _po(name: str, rule: str, paper: Steps, theirs: Mapping[str, Any], **more: Any) -> Finding:
    run = of_torch(getattr(po, name), **{**PO, **theirs})
    return Finding("pytorch_optimizer", name, run, rule, paper, **more)


def _optax(name: str, rule: str, paper: Steps, theirs: Mapping[str, Any], **more: Any) -> Finding:
    return Finding(
        "optax", name, of_optax(getattr(optax, name), **OPTAX, **theirs), rule, paper, **more
    )


def _timm(module: str, name: str, rule: str, paper: Steps, **theirs: Any) -> Finding:
    return Finding("timm", name, of_torch(timm_class(module, name), **PO, **theirs), rule, paper)


def looking_ahead(params: Sequence[Any], **_: Any) -> Any:
    """timm's optimizer around torch's."""
    return timm_class("lookahead", "Lookahead")(torch.optim.SGD(params, lr=RATE), alpha=0.5, k=2)


def alone(run: Run) -> Steps:
    """A run of one parameter."""

    def steps(x: Array, gradients: Sequence[Array]) -> Iterator[Array]:
        return (model[0] for model in run([x], [[one] for one in gradients]))

    return steps


DECAYED = {"weight_decay": 0.1}
COUPLED = {"weight_decay": 0.1, "weight_decouple": False}
LAMB_IN_KERAS = of_keras(keras.optimizers.Lamb, **OPTAX, weight_decay=0.1, epsilon=1e-6)
ADAFACTOR_IN_KERAS = of_keras(keras.optimizers.Adafactor, learning_rate=1.0, relative_step=False)
ADAFACTOR = {"learning_rate": 1.0, "relative_step": False}
PRODIGY = {"learning_rate": 1.0, "d0": D0, "epsilon": EPSILON}
UNACCELERATED = {"nesterov": False}
HEAVY = {"beta_2": 0.99}
HYPERBALL = within(
    of_torch(
        heavyball.HyperBallAdamW,
        **PO,
        betas=(0.9, 0.99),
        storage_dtype="float64",
        multi_tensor=False,
    ),
    not_compiled,
)
FINDINGS = [
    _optax("adan", "Adan", papers.adan, {}),
    _optax(
        "rprop", "Rprop", papers.rprop, {}, arguments={"learning_rate": 1, "initial_length": RATE}
    ),
    _optax("lars", "LARS", papers.lars, {"weight_decay": 0.1}, arguments=DECAYED),
    _optax("yogi", "Yogi", papers.yogi, {}),
    _optax("amsgrad", "AMSGrad", papers_adam.amsgrad, {}),
    Finding(
        "optax",
        "acprop",
        of_optax(contrib.acprop, **OPTAX),
        "ACProp",
        papers_adam.acprop,
        {"epsilon": 1e-16},
    ),
    _po("Yogi", "Yogi", papers.yogi, {}),
    _po("ADOPT", "ADOPT", papers.adopt, {}),
    _po(
        "SimplifiedAdEMAMix",
        "SimplifiedAdEMAMix",
        papers_adam.simplifiedademamix,
        {"alpha": 0.5},
        arguments={"alpha": 0.5},
    ),
    _po("AdaMod", "AdaMod", papers.adamod, {"betas": (0.9, 0.999, 0.999)}),
    _po("PAdam", "PAdam", papers.padam, {"partial": 0.125}),
    _po("RAdam", "RAdam", papers.radam, {"betas": (0.9, 0.95)}, arguments={"beta_2": 0.95}),
    _po("Lamb", "LAMB", papers.lamb, COUPLED, arguments=DECAYED),
    _po("LARS", "LARS", papers.lars, {"weight_decay": 0.1}, arguments=DECAYED),
    _po("LaProp", "LaProp", papers.laprop, {}, magnitude=1e-6),
    _po("AdamP", "AdamP", papers.adamp, {"eps": EPSILON}, arguments={"epsilon": EPSILON}),
    _timm("adopt", "Adopt", "ADOPT", papers.adopt),
    _timm("lamb", "Lamb", "LAMB", partial(papers.lamb, decay=0.0), weight_decay=0.0),
    _timm("lars", "Lars", "LARS", partial(papers.lars, decay=0.0), momentum=0.9),
    Finding(
        "timm",
        "Lookahead",
        of_torch(looking_ahead),
        "SGD",
        papers.lookahead,
        {"lookahead": 2},
        feature="lookahead",
    ),
    Finding(
        "prodigyopt",
        "Prodigy",
        of_torch(prodigyopt.Prodigy, lr=1.0, d0=D0, eps=EPSILON),
        "Prodigy",
        papers.prodigy,
        PRODIGY,
    ),
    Finding(
        "keras",
        "Adafactor",
        ADAFACTOR_IN_KERAS,
        "Adafactor",
        partial(papers.adafactor, is_relative=False),
        ADAFACTOR,
    ),
    Finding("keras", "Lamb", LAMB_IN_KERAS, "LAMB", papers.lamb, DECAYED),
    _po("SRMM", "SRMM", papers_momentum.srmm, {"memory_length": 7}, arguments={"memory_length": 7}),
    _po("TAM", "TAM", papers_momentum.tam, {}),
    _po(
        "ASGD",
        "AdGD",
        papers_momentum.adgd,
        {"lr": 0.001, "amplifier": 1.0, "eps": 0.0},
        arguments={"learning_rate": 1.0, "first_rate": 0.001},
    ),
    _optax("optimistic_adam_v2", "OptimisticAdam", papers_adaptive.optimisticadam, UNACCELERATED),
    _po("Adai", "Adai", papers_adaptive.adai, {}, magnitude=0.01),
    _po("AvaGrad", "AvaGrad", papers_adaptive.avagrad, {}),
    _po("BCOS", "BCOSc", papers_adaptive.bcosc, {"simple_cond": True, "weight_decay": 0.0}),
    _po("AdaTAM", "AdaTAM", papers_adaptive.adatam, {}),
    _po(
        "Ranger21",
        "Ranger21",
        alone(papers_adam.ranger21),
        {**RANGER21, **DECAYED, "agc_clipping_value": 1e9, "norm_loss_factor": 1e-4},
        arguments={**DECAYED, "epsilon": 1e-15},
    ),
    Finding(
        "heavyball", "HyperBallAdamW", HYPERBALL, "HyperballAdam", papers_layers.hyperball, HEAVY
    ),
]
