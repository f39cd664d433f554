"""Thirty steps of each rule with products of matrices, beside somebody else's or the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest
import pytorch_optimizer as po

from tests.numeric import matrix_peers as peers
from tests.numeric import muon_variants as variants
from tests.numeric.matrix_peers import OTHER_RATE, RATE
from tests.numeric.preconditioned import WHOSE
from tests.numeric.specs import PRODUCTS, read
from tests.zoo.libraries import of_keras, of_torch
from tests.zoo.papers import of_paper
from tests.zoo.peers import PEERS as OF_LOW_RANK
from tests.zoo.runs import Model, Run, difference, of_ours

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

STEPS, TOLERANCE = 30, 1e-9
#: Roots of the larger sides are whole: Keras takes them in float32.
FLAT = {"tall": (9, 4), "wide": (4, 9), "square": (4, 4)}
SHAPES = {**FLAT, "convolution": (3, 2, 2, 2), "vector": (5,)}
MATRICES = (*FLAT, "convolution")
#: The author's code makes a matrix of a convolution, and then can't add it to one.
WITHOUT_CONVOLUTIONS = (*FLAT, "vector")
#: A number that libraries add to a norm, and others take as its least value, counts nothing then.
LARGE = 1e4


@dataclass(frozen=True)
class Peer:
    """A rule with arguments, and a run that ends up at the same parameters, of some shapes."""

    rule: str
    whose: str
    run: Run
    arguments: Mapping[str, Any] = field(default_factory=dict)
    shapes: tuple[str, ...] = (*SHAPES,)
    magnitude: float = LARGE
    tolerance: float = TOLERANCE

    def __str__(self) -> str:
        return f"{self.rule}-{self.whose}"

    def difference(self) -> float:
        """The largest difference, of how far an element has gone."""
        first, rows = start(self.shapes), gradients(self.shapes, self.magnitude)
        mine = of_ours(self.rule, {"learning_rate": RATE, **self.arguments})(first, rows)
        return difference(mine, self.run(first, rows), first)


def start(shapes: Sequence[str]) -> Model:
    draw = np.random.default_rng(0)
    return [draw.normal(size=SHAPES[name]) for name in shapes]


def gradients(shapes: Sequence[str], magnitude: float) -> Sequence[Model]:
    """Random ones, whose mean isn't 0, with elements of any size."""
    draw = np.random.default_rng(1)
    scales = [magnitude * 10 ** draw.uniform(-2, 1, SHAPES[name]) for name in shapes]
    return [[scale * draw.normal(0.3, 1, scale.shape) for scale in scales] for _ in range(STEPS)]


def muon(
    run: Run,
    rule: str = "Muon",
    whose: str = "pytorch_optimizer",
    shapes: tuple[str, ...] = (*SHAPES,),
    **arguments: Any,
) -> Peer:
    """A peer with a fallback that has the same learning rate everywhere."""
    return Peer(rule, whose, run, {"fallback_learning_rate": OTHER_RATE, **arguments}, shapes)


def torchs(magnitude: float = LARGE, ours: Mapping[str, Any] | None = None, **theirs: Any) -> Peer:
    arguments = theirs if ours is None else ours
    return Peer("TorchMuon", "torch", peers.torch_s(**theirs), arguments, (*FLAT,), magnitude)


#: Numbers that Keras computes in float32 are the same there; norms aren't.
KERAS = {"epsilon": 2.0**-20, "adam_beta_1": 0.875, "adam_beta_2": 1 - 2.0**-6}
OF_KERAS = {"adam_epsilon": KERAS["epsilon"], **{k: KERAS[k] for k in KERAS if k != "epsilon"}}


def keras_s(ours: Mapping[str, Any], **theirs: Any) -> Peer:
    run = of_keras(keras.optimizers.Muon, learning_rate=RATE, **KERAS, **theirs)
    rates = {"adam_learning_rate": RATE, **OF_KERAS}
    shapes = (*FLAT, "vector")
    return Peer("KerasMuon", "keras", run, {**rates, **ours}, shapes, magnitude=1.0, tolerance=1e-6)


PEERS = [
    muon(peers.po_s(po.Muon, {})),
    muon(peers.po_s(po.Muon, {"nesterov": False}), nesterov=False),
    muon(
        peers.po_s(po.Muon, {"use_adjusted_lr": True, "weight_decay": 0.1}, weight_decay=0.1),
        "Moonlight",
    ),
    muon(peers.author_s(), whose="muon", shapes=WITHOUT_CONVOLUTIONS),
    muon(
        peers.author_s(0.1, momentum=0.8),
        whose="muon",
        shapes=WITHOUT_CONVOLUTIONS,
        weight_decay=0.1,
        momentum=0.8,
    ),
    Peer("Muon", "heavyball", peers.heavyball_s(heavyball_momentum=True), {}, MATRICES),
    Peer(
        "Muon",
        "heavyball",
        peers.heavyball_s(nesterov=False),
        {"nesterov": False},
        MATRICES,
        # Its mean is corrected for its start, which is no matter, with weights in float32.
        tolerance=1e-5,
    ),
    muon(peers.optax_s(nesterov=False, adam_b2=0.95), whose="optax", nesterov=False),
    muon(
        peers.optax_s(nesterov=False, adam_b2=0.95, consistent_rms=0.2),
        whose="optax",
        nesterov=False,
        match_rms_adamw=True,
    ),
    torchs(weight_decay=0.125),
    torchs(nesterov=False, momentum=0.8),
    torchs(adjust_lr_fn="match_rms_adamw", ours={"match_rms_adamw": True}),
    torchs(
        # The norms of some matrices are below epsilon, of others above.
        magnitude=0.1,
        eps=0.5,
        ns_coefficients=(2.0, -1.5, 0.5),
        ours={"epsilon": 0.5, "ns_a": 2.0, "ns_b": -1.5, "ns_c": 0.5},
    ),
    keras_s({}),
    keras_s({"nesterov": False, "momentum": 0.75}, nesterov=False, momentum=0.75),
    keras_s(
        {"rms_rate": None, "weight_decay": 0.125, "muon_a": 2.0, "muon_b": -1.5, "muon_c": 0.5},
        rms_rate=None,
        weight_decay=0.125,
        adam_weight_decay=0.125,
        muon_a=2.0,
        muon_b=-1.5,
        muon_c=0.5,
    ),
    muon(
        peers.po_s(po.NorMuon, {"update_scale": "match_rms", "nesterov": False}),
        "NorMuon",
    ),
    muon(peers.by_paper(peers.polar_muon), "PolarMuon", "paper"),
    muon(peers.by_paper(peers.ada_muon), "AdaMuon", "paper", fallback_beta_2=0.95, epsilon=1e-14),
    Peer(
        "MARSShampoo",
        "paper",
        of_paper(peers.mars_shampoo),
        {"fallback_learning_rate": RATE},
    ),
    Peer(
        "MARSShampoo",
        "paper",
        of_paper(variants.mars_m),
        {"fallback_learning_rate": RATE, "match_rms_adamw": True},
    ),
    muon(
        of_paper(variants.muon_la_prop),
        "MuonLaProp",
        "paper",
        fallback_epsilon=1e-20,
        epsilon=1e-20,
    ),
    Peer(
        "MuonLaProp",
        "heavyball",
        variants.heavyball_s(),
        {"epsilon": 1e-20},
        MATRICES,
        # Weights of its means are float32.
        tolerance=1e-5,
    ),
    muon(peers.by_paper(variants.turbo_muon), "TurboMuon", "paper"),
    Peer(
        "AdaMuon",
        "timm",
        variants.timm_s(),
        {"signs_first": False, "epsilon": 1e-14},
        (*FLAT,),
    ),
    Peer(
        "AdaMuon",
        "timm",
        variants.timm_s(nesterov=True),
        {"signs_first": False, "nesterov": True, "epsilon": 1e-14},
        (*FLAT,),
    ),
    Peer(
        "MARSShampoo",
        "pytorch_optimizer",
        peers.in_float64(of_torch(po.MARS, lr=RATE, mars_type="shampoo", optimize_1d=True)),
        shapes=(*FLAT,),
        # We add 1e-7 to the norm of a mean, which clipping makes small.
        tolerance=1e-4,
    ),
    Peer(
        "Scion",
        "paper",
        of_paper(peers.scion_of_convolutions),
        # The root of the number of positions, by which options would divide it.
        {"matrix_radius": 2.0 / np.sqrt(4)},
        ("convolution",),
    ),
    Peer("Scion", "paper", of_paper(peers.scion), {"matrix_radius": 2.0, "sign_radius": 3.0}),
    Peer("Scion", "pytorch_optimizer", peers.PO_SCION, {"matrix_radius": 2.0}, (*FLAT,)),
]


@pytest.mark.parametrize("peer", PEERS, ids=str)
def test_thirty_steps_are_theirs(peer: Peer) -> None:
    assert peer.difference() <= peer.tolerance


def test_every_rule_has_a_peer() -> None:
    beside = {*WHOSE, *(peer.rule for peer in PEERS), *(peer.rule for peer in OF_LOW_RANK)}
    assert {read(path)["name"] for path in PRODUCTS.values()} <= beside


#: Where others' code isn't what the paper says, that it moves otherwise.
OTHERWISE = [
    # Averages are corrected for their start, as Adam's are, before the newest gradient is added.
    muon(peers.optax_s(adam_b2=0.95), whose="optax"),
    # Newton-Schulz with other numbers in each round; and the mean is added to the gradient.
    Peer(
        "Muon",
        "heavyball-numbers",
        peers.heavyball_s(heavyball_momentum=True, is_jordan=False),
        {},
        MATRICES,
    ),
    Peer("Muon", "heavyball-momentum", peers.heavyball_s(), {}, MATRICES),
    # The first version of the paper: no signs, and a decay of its own for squares.
    muon(peers.po_s(po.AdaMuon, {"betas": (0.95, 0.95)}), "AdaMuon"),
    # The norm of the authors' code is that of the matrix before its rows are divided.
    muon(peers.po_s(po.NorMuon, {"nesterov": False}), "NorMuon"),
    # Divides by the sum of squared norms, not by its root.
    muon(peers.po_s(po.AdaGO, {}), "AdaGO"),
    # Means of squares along rows and columns, without iterations; that of columns begins with 1.
    Peer("RACS", "pytorch_optimizer", of_torch(po.RACS, lr=RATE), {}, MATRICES),
]


@pytest.mark.parametrize("peer", OTHERWISE, ids=str)
def test_others_differ_from_the_paper(peer: Peer) -> None:
    assert peer.difference() > 0.01


@pytest.mark.parametrize(("rule", "farthest"), [("Muon", 0.32), ("PolarMuon", 0.14)])
def test_singular_values_of_a_step_are_near_1(rule: str, farthest: float) -> None:
    """Jordan's quintic leaves them between 0.68 and 1.13; Polar Express comes nearer."""
    draw = np.random.default_rng(0)
    (u, _), (v, _) = (np.linalg.qr(draw.normal(size=(60, 60))) for _ in range(2))
    gradient = u * np.geomspace(0.05, 1, 60) @ v
    arguments = {"learning_rate": 1.0, "momentum": 0.0}
    ((after,),) = of_ours(rule, arguments)([np.zeros((60, 60))], [[gradient]])
    found = np.linalg.svd(after, compute_uv=False)
    assert 0.03 < np.max(np.abs(found - 1)) < farthest
