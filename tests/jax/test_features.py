"""Rules with features as JAX computes them, beside their kernels as NumPy and Python run them."""

from __future__ import annotations

from typing import Any

import pytest

import optgen.optimizers
from tests.chosen import rest_in_full
from tests.jax.runs import NAMES, gradients, of_jax, start
from tests.numeric.specs import is_of_few
from tests.zoo.runs import LATE, difference, of_ours

EVERY = {
    "global_clipnorm": 0.5,
    "gradient_accumulation_steps": 2,
    "loss_scale_factor": 4.0,
    "l2_penalty": 0.125,
    "maximize": True,
}
#: Two for each update, and one more: a rule moves first in its fifth.
CALLS = 11
AVERAGE = {"use_ema": True, "ema_momentum": 0.75, "ema_overwrite_frequency": 2}
SETTINGS: list[dict[str, Any]] = [
    {"clipnorm": 0.5, "weight_decay": 0.125},
    {"clipvalue": 0.25, **AVERAGE},
    {"gradient_accumulation_steps": 3, "clipnorm": 0.5, **AVERAGE},
]


def check(name: str, arguments: dict[str, Any], steps: int) -> None:
    first, rows = start(), gradients(steps)
    ours = of_jax(name, arguments)(first, rows)
    found = difference(ours, of_ours(name, arguments)(first, rows), first)
    assert found < 1e-10


@pytest.mark.parametrize("name", rest_in_full(NAMES, is_of_few))
def test_every_rule_with_several_features(name: str) -> None:
    rule = getattr(optgen.optimizers, name)
    has_average = any(s.stands_in for s in rule.states if s.name != "parameter_average")
    check(
        name,
        EVERY | ({} if has_average or rule.has_average() else AVERAGE),
        24 if name in LATE else CALLS,
    )


@pytest.mark.parametrize("name", ["SGD", "Adam", "Adafactor"])
@pytest.mark.parametrize("arguments", SETTINGS, ids="-".join)
def test_features_alone(name: str, arguments: dict[str, Any]) -> None:
    check(name, arguments, 6)
