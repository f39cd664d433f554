"""Every rule as JavaScript, beside its kernels as NumPy and Python run them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import optgen.optimizers
from optgen.runtime.kernels import PERTURB
from tests.chosen import rest_in_full
from tests.javascript.browsers import needs_browser
from tests.javascript.runs import NODE, Case, run, run_in_browser, shaped
from tests.numeric.specs import is_of_few
from tests.zoo.runs import LATE, beside_gradients, difference, of_ours

needs_node = pytest.mark.skipif(NODE is None, reason="there is no node")
Made = Callable[[list[Case]], list[dict[str, Any]]]

NAMES = [name for name in optgen.optimizers.list() if name != "LossScaleOptimizer"]
EVERY = {
    "global_clipnorm": 0.5,
    "gradient_accumulation_steps": 2,
    "loss_scale_factor": 4.0,
    "l2_penalty": 0.125,
    "maximize": True,
}
AVERAGE = {"use_ema": True, "ema_momentum": 0.75, "ema_overwrite_frequency": 2}
SETTINGS: list[dict[str, Any]] = [
    {"clipnorm": 0.5, "weight_decay": 0.125},
    {"clipvalue": 0.25, **AVERAGE},
    {"gradient_accumulation_steps": 3, "clipnorm": 0.5, **AVERAGE},
]
DRAW = np.random.default_rng(0)
#: A wide and a tall matrix, and a vector; the gradients of some calls.
SHAPES = ((3, 4), (4, 3), (5,))
START = [DRAW.normal(size=shape) for shape in SHAPES]
GRADIENTS = [[DRAW.normal(0.3, 1, shape) for shape in SHAPES] for _ in range(14)]


def check(name: str, every: list[dict[str, Any]], made: Made = run) -> None:
    """Compare runs of a rule with some settings each, in one process."""
    rule = getattr(optgen.optimizers, name)
    moves = any(one.name == PERTURB for one in rule.layout.programs)
    # Some averages begin late, and one rule; rounding grows from step to step.
    first, rows = START, GRADIENTS if rule.has_average() or name in LATE else GRADIENTS[:4]
    known = {one.name for one in rule.inputs}
    inputs = [beside_gradients(known, call, row) for call, row in enumerate(rows)]
    found = made([Case(name.lower(), one, first, rows, inputs) for one in every])
    for settings, own in zip(every, found, strict=True):
        assert "error" not in own, own["error"]
        after = [shaped(arrays, first) for arrays in own["after"]]
        assert difference(after, of_ours(name, settings, moves=moves)(first, rows), first) < 1e-11


@needs_node
@pytest.mark.parametrize("name", rest_in_full(NAMES, is_of_few))
def test_steps_are_those_of_kernels(name: str) -> None:
    rule = getattr(optgen.optimizers, name)
    has_average = any(s.stands_in for s in rule.states if s.name != "parameter_average")
    features = EVERY | ({} if has_average or rule.has_average() else AVERAGE)
    check(name, [{}, features])


@needs_node
@pytest.mark.parametrize("name", ["SGD", "Adam", "Adafactor"])
def test_features_alone(name: str) -> None:
    check(name, SETTINGS)


@needs_browser
def test_a_browser_computes_the_same(tmp_path: Path) -> None:
    for name in ("Adam", "Muon", "Prodigy"):
        check(name, [{}, EVERY], partial(run_in_browser, folder=tmp_path))
