"""Twenty steps of rules that Optax has too, in one compiled loop each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optax
import pytest
from optax import contrib

import optgen.optax
from tests.chosen import rest_in_full
from tests.numeric.specs import is_of_few
from tests.zoo.libraries import of_optax
from tests.zoo.papers import RATE
from tests.zoo.peer import Peer
from tests.zoo.peers import PEERS
from tests.zoo.runs import difference, gradients, start

STEPS, TOLERANCE = 20, 1e-9
OF_ZOO = [peer for peer in PEERS if peer.whose == "optax"]
Made = Callable[..., optax.GradientTransformation]
#: Our name and arguments, and Optax's function and arguments.
PAIRS: list[tuple[str, dict[str, Any], Made, dict[str, Any]]] = [
    ("sgd", {}, optax.sgd, {}),
    ("sgd", {"momentum": 0.9, "nesterov": True}, optax.sgd, {"momentum": 0.9, "nesterov": True}),
    # As Keras does, adam adds epsilon before the correction; as Optax does, torch's after it.
    ("adam", {"epsilon": 1e-20}, optax.adam, {"eps": 1e-20}),
    ("torchadam", {"epsilon": 1e-3}, optax.adam, {"eps": 1e-3}),
    ("torchadamw", {"weight_decay": 0.1}, optax.adamw, {"weight_decay": 0.1}),
    ("adamax", {"epsilon": 1e-20}, optax.adamax, {"eps": 1e-20}),
    ("lion", {"weight_decay": 0.1}, optax.lion, {"weight_decay": 0.1}),
    ("adadelta", {"epsilon": 1e-6, "rho": 0.9}, optax.adadelta, {}),
    ("adagrad", {}, optax.adagrad, {}),
    (
        "torchadam",
        {"global_clipnorm": 0.5},
        lambda learning_rate: optax.chain(
            optax.clip_by_global_norm(0.5), optax.adam(learning_rate)
        ),
        {},
    ),
    (
        "torchadam",
        {"gradient_accumulation_steps": 4},
        lambda learning_rate: optax.MultiSteps(optax.adam(learning_rate), 4),
        {},
    ),
    ("schedulefreesgd", {}, contrib.schedule_free_sgd, {}),
]


def check(name: str, arguments: dict[str, Any], theirs: Any, most: int = 4) -> float:
    first = [array for array in start() if array.ndim <= most]
    rows = [[array for array in row if array.ndim <= most] for row in gradients()[:STEPS]]
    ours = of_optax(getattr(optgen.optax, name), learning_rate=RATE, **arguments)
    return difference(ours(first, rows), theirs(first, rows), first)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "-".join([pair[0], *pair[1]]))
def test_steps_are_optaxs(pair: tuple[str, dict[str, Any], Made, dict[str, Any]]) -> None:
    name, arguments, make, theirs = pair
    run = of_optax(make, learning_rate=RATE, **theirs)
    # Optax's mean of gradients is float32.
    is_mean = "gradient_accumulation_steps" in arguments
    assert check(name, arguments, run) < (1e-6 if is_mean else TOLERANCE)


# Each has kernels beside Optax's rule in tests/zoo, and functions of JAX beside kernels here.
@pytest.mark.parametrize(
    "peer", rest_in_full(OF_ZOO, lambda peer: is_of_few(peer.rule)), ids=lambda peer: peer.rule
)
def test_steps_are_those_of_the_zoo(peer: Peer) -> None:
    arguments = dict(peer.arguments)
    assert check(peer.rule.lower(), arguments, peer.run, peer.most_dimensions) <= peer.tolerance
