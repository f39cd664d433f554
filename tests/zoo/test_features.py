"""Every rule with every feature, in both dtypes, beside its text in float64.

Python runs the kernels: 0.03 s for a setting, where to compile one takes seconds.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest

import optgen
from tests.chosen import rest_in_full
from tests.numeric.reference import Reference
from tests.numeric.rules import Array
from tests.numeric.settings import FEATURE_VALUES, Setting, meetings
from tests.numeric.specs import COVER, FEATURES, OPTIMIZERS, read, rule_of
from tests.numeric.test_against_float64 import tolerances
from tests.numeric.training import TOLERANCES, apply, assert_follows, exclude, gradients
from tests.zoo.runs import plain_class

CALLS = 7
SHAPES = {"scale": (), "nothing": (0,), "one": (1,), "dense/kernel": (3, 2), "dense/bias": (2,)}
#: Numbers that are 0 by default, and then hide a part of the rule.
NUMBERS: Mapping[str, Mapping[str, float]] = {
    **{name: {"weight_decay": 0.07} for name in ("adan", "lamb", "stableadamw", "torchadafactor")},
    **{name: {"weight_decay": 0.07} for name in ("adamp", "novograd", "dadaptadam")},
    # Steps of float32 must count against the parameter, as the distance is measured by them.
    "prodigy": {"weight_decay": 0.07, "d0": 0.5},
    "adgd": {"first_rate": 0.5, "learning_rate": 2.0},
    "sgdp": {"weight_decay": 0.07, "dampening": 0.2},
    "lars": {"weight_decay": 0.07, "learning_rate": 10.0},
    "adamc": {"weight_decay": 0.07},
    "kate": {"square_weight": 0.3},
    "simplifiedademamix": {"alpha": 0.5},
    "schedulefreesgd": {"weight_decay": 0.07, "r": 1.0},
    "schedulefreeadamw": {"weight_decay": 0.07, "r": 1.0},
    **{name: {"weight_decay": 0.07} for name in ("adamwin", "dadaptlion", "lans", "larc")},
    "dadaptadan": {"weight_decay": 0.07, "d0": 0.5},
    **{name: {"d0": 0.5} for name in ("dadaptsgd", "dadaptadagrad")},
    "adagradda": {"l1_regularization_strength": 0.02, "l2_regularization_strength": 0.03},
    "scalesgd": {"momentum": 0.7},
    **{name: {"least_loss": 0.1} for name in ("polyaksgd", "momo", "momoadam")},
    "sgld": {"seed": 2**35 + 3},
    "sghmc": {"noise_estimate": 0.02},
    "proximalsgd": {"l1": 0.02, "l2": 0.03},
    "proximaladagrad": {"l1": 0.02, "l2": 0.03},
    "schedulefreeradam": {"weight_decay": 0.07, "r": 1.0},
    "schedulefreeplus": {"weight_decay": 0.07, "r": 1.0},
    "aegd": {"momentum": 0.7},
    "gpaadamw": {"weight_decay": 0.07},
    "decayedadagrad": {"lr_decay": 0.3, "initial_accumulator_value": 0.1},
    "torchadagrad": {"lr_decay": 0.3, "initial_accumulator_value": 0.1},
    **{name: {"weight_decay": 0.07} for name in ("torchnadam", "torchradam")},
    **{name: {"lambd": 0.07, "t0": 3.0} for name in ("asgd", "torchasgd")},
    "ftrl": {
        "l1_regularization_strength": 0.02,
        "l2_regularization_strength": 0.03,
        "l2_shrinkage_regularization_strength": 0.04,
        "beta": 0.5,
    },
}
#: Rules with an average of their own, which can't have another.
AVERAGING = {"asgd", "torchasgd", "schedulefreesgd", "schedulefreeadamw", "schedulefreeradam"}
AVERAGING |= {"gpaadamw", "msam", "nesterovsequence", "schedulefreeplus"}
SETTINGS = [
    replace(one, own={**NUMBERS.get(one.optimizer, {}), **one.own})
    for one in meetings(list(OPTIMIZERS), FEATURES)
]


def is_chosen(setting: Setting) -> bool:
    """The first of each rule, whose forms differ from rule to rule; all of some rules."""
    return setting.optimizer in COVER or setting.label == "pairs0"


@pytest.mark.parametrize("setting", rest_in_full(SETTINGS, is_chosen), ids=str)
def test_every_rule_meets_every_feature(setting: Setting) -> None:
    draw = np.random.default_rng(zlib.crc32(str(setting).encode()))
    # One model of both dtypes, so that norms over all variables cross them too.
    held: dict[str, Array] = {
        f"{dtype.__name__}/{path}": np.asarray(draw.normal(size=shape), dtype)
        for dtype in (np.float32, np.float64)
        for path, shape in SHAPES.items()
    }
    name = read(OPTIMIZERS[setting.optimizer])["name"]
    optimizer = plain_class(name)(**setting.values)
    excluded = exclude(optimizer, held)
    optimizer.build(held)
    like = list(held.values())
    reference = Reference(OPTIMIZERS[setting.optimizer], like, excluded, **setting.values)
    for row in gradients(draw, like, CALLS, missing=0.3):
        apply(optimizer, row, **reference.inputs)
        reference.apply(row)
    assert optimizer.iterations == reference.updates
    assert_follows(optimizer, held, reference, tolerances(setting))


def test_noise_of_a_feature_is_the_generators() -> None:
    """The numbers themselves, of float32 and of float64 variables, in steps of three gradients."""
    draw = np.random.default_rng(3)
    held = {
        f"{dtype.__name__}/{path}": np.asarray(draw.normal(size=shape), dtype)
        for dtype in (np.float32, np.float64)
        for path, shape in SHAPES.items()
    }
    values: dict[str, Any] = {
        "gradient_noise": 0.25,
        "seed": 2**33 + 5,
        "gradient_accumulation_steps": 3,
    }
    optimizer: Any = optgen.compile("sgd", "gradient_noise", backend="numpy")(**values)
    optimizer.build(held)
    like = list(held.values())
    reference = Reference(OPTIMIZERS["sgd"], like, optional=["gradient_noise"], **values)
    for row in gradients(draw, like, CALLS, missing=0.3):
        apply(optimizer, row)
        reference.apply(row)
    assert_follows(optimizer, held, reference, TOLERANCES)


def test_every_number_that_is_0_by_default_is_another_somewhere() -> None:
    for name, path in OPTIMIZERS.items():
        rule, others = rule_of(path)
        declared: Mapping[str, Any] = rule["hyperparameters"]
        defaults = {k: others.get(k, entry.get("default")) for k, entry in declared.items()}
        zeros = {k for k, default in defaults.items() if repr(default) == "0.0"}
        given = {k for one in SETTINGS if one.optimizer == name for k in one.own}
        assert zeros <= given, name


def test_every_rule_is_with_every_form_of_a_feature() -> None:
    for name, values in ((n, v) for n, every in FEATURE_VALUES.items() for v in every):
        met = {one.optimizer for one in SETTINGS if values.items() <= one.own.items()}
        assert met == {*OPTIMIZERS} - (AVERAGING if name == "average" else set()), values


def test_every_two_features_are_together_somewhere() -> None:
    forms = [(n, v) for n, every in FEATURE_VALUES.items() for v in every]
    for (name, one), (other, two) in combinations(forms, 2):
        if FEATURES[name].get("exclusive", name) != FEATURES[other].get("exclusive", other):
            both = {**one, **two}.items()
            assert any(both <= setting.own.items() for setting in SETTINGS), (one, two)
