"""The settings of optimizers that are compiled and compared with something else.

The same ones everywhere, because each set of switches costs a compilation.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.numeric.pairwise import cover
from tests.numeric.specs import COMPILED, FEATURES, KERAS, NOT_KERAS, OPTIMIZERS, rule_of

Values = Mapping[str, Any]

#: What turns a feature on, in each of its forms.
FEATURE_VALUES: Mapping[str, Sequence[Values]] = {
    "unscale": ({"loss_scale_factor": 24.0},),
    "accumulate": ({"gradient_accumulation_steps": 3},),
    "clipnorm": ({"clipnorm": 0.7},),
    "clipvalue": ({"clipvalue": 0.3},),
    "global_clipnorm": ({"global_clipnorm": 2.5},),
    "weight_decay": ({"weight_decay": 0.07},),
    "l2_penalty": ({"l2_penalty": 0.07},),
    "maximize": ({"maximize": True},),
    "average": (
        {"use_ema": True, "ema_momentum": 0.9},
        {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 4},
    ),
}

#: What turns an optimizer's own switches on.
OWN_VALUES: Mapping[str, Sequence[Values]] = {
    "sgd": ({"momentum": 0.8}, {"momentum": 0.8, "nesterov": True}),
    "rmsprop": ({"momentum": 0.8}, {"centered": True}, {"momentum": 0.8, "centered": True}),
    "adam": ({"amsgrad": True},),
    "adamw": ({"amsgrad": True},),
    "torchsgd": ({"momentum": 0.8, "dampening": 0.3}, {"momentum": 0.8, "nesterov": True}),
    "torchrmsprop": ({"momentum": 0.8}, {"centered": True}),
    "torchadam": ({"amsgrad": True},),
    "adabound": ({"amsgrad": True},),
    "ademamix": ({"warmup": 9},),
}

#: Large enough for the changes to count against the parameters themselves.
LEARNING_RATES: Mapping[str, float] = {"adadelta": 3.0, "torchadadelta": 3.0}
LEARNING_RATE = 0.1

#: At most so many settings of several switches, of Keras's optimizers and of others. Every rule
#: with every feature is in `tests/zoo`, where nothing is compiled.
CROSSED, OTHERS = 20, 6
#: The features are the same code around every rule: each alone is tried around this one only.
AROUND = "rmsprop"


@dataclass(frozen=True)
class Setting:
    """Arguments of an optimizer."""

    optimizer: str
    label: str
    own: Values = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.optimizer}-{self.label}"

    @property
    def values(self) -> dict[str, Any]:
        return {"learning_rate": LEARNING_RATES.get(self.optimizer, LEARNING_RATE), **self.own}


def is_common(setting: Setting) -> bool:
    """Whether all runs of tests try it: those of several switches, but for a few, are in full."""
    return setting not in [*AT_RANDOM[FEW:CROSSED], *AT_RANDOM[CROSSED + FEW_OTHERS :]]


def some_in_full(settings: Iterable[Setting]) -> list[Any]:
    """Parameters of a test; those that aren't common are behind a marker."""
    return [
        pytest.param(s, marks=() if is_common(s) else pytest.mark.full, id=str(s)) for s in settings
    ]


def label(values: Values) -> str:
    return "+".join(name for name in values if name not in ("use_ema", "ema_momentum")) or "ema"


def alone(optimizer: str) -> Iterator[Setting]:
    """The plain optimizer, and each of its own switches."""
    yield Setting(optimizer, "plain")
    for values in OWN_VALUES.get(optimizer, ()):
        yield Setting(optimizer, label(values), values)


def around(optimizer: str) -> Iterator[Setting]:
    """Each feature around an optimizer, in each of its forms."""
    for name in FEATURES:
        for values in FEATURE_VALUES[name]:
            yield Setting(optimizer, label(values), values)


def averaged_once(optimizer: str, values: Values) -> Values:
    """The values without an average, where the rule keeps one of its own that stands in."""
    rule, _ = rule_of(OPTIMIZERS[optimizer])
    if "evaluate" not in rule and not any(
        "stands_in" in state for state in rule.get("state", {}).values()
    ):
        return values
    return {name: value for name, value in values.items() if "ema" not in name}


def at_random(seed: int, optimizers: Sequence[str], features: Mapping[str, Any]) -> Setting:
    """Several switches together; the optimizers take turns."""
    draw = random.Random(seed)
    optimizer = optimizers[seed % len(optimizers)]
    values = dict(draw.choice([{}, *OWN_VALUES.get(optimizer, ())]))
    taken = set()
    for name, feature in draw.sample(sorted(features.items()), len(features)):
        if draw.random() < 0.6 and feature.get("exclusive", name) not in taken:
            taken.add(feature.get("exclusive", name))
            values |= draw.choice(FEATURE_VALUES[name])
    return Setting(optimizer, f"seed{seed}", averaged_once(optimizer, values))


def crossed(optimizers: Sequence[str], features: Mapping[str, Any], most: int) -> Iterator[Setting]:
    """Settings with every pair of an optimizer and a feature, and of features; ``most`` of them."""
    factors = {"rule": list(optimizers), **_factors(features)}
    for number, row in enumerate(cover(factors, lambda row: True)[:most]):
        yield _together(row["rule"], row.values(), number)


def meetings(optimizers: Sequence[str], features: Mapping[str, Any]) -> Iterator[Setting]:
    """Few settings of each optimizer that have every form of every feature in them."""
    factors = _factors(features)
    for optimizer in optimizers:
        draw = random.Random(optimizer)
        begins = [draw.randrange(len(levels)) for levels in factors.values()]
        for number in range(max(map(len, factors.values()))):
            pairs = zip(begins, factors.values(), strict=True)
            row = [levels[(begin + number) % len(levels)] for begin, levels in pairs]
            yield _together(optimizer, row, number)


def _factors(features: Mapping[str, Any]) -> dict[str, list[str]]:
    """The forms of features, by what they exclude each other from."""
    factors: dict[str, list[str]] = {}
    for name in sorted(features):
        factor = factors.setdefault(features[name].get("exclusive", name), ["off"])
        factor += map(label, FEATURE_VALUES[name])
    return factors


def _together(optimizer: str, levels: Iterable[str], number: int) -> Setting:
    """An optimizer with forms of features; its own switches take turns."""
    own = [{}, *OWN_VALUES.get(optimizer, ())]
    values: dict[str, Any] = dict(own[number % len(own)])
    for level in levels:
        values |= _FORMS.get(level, {})
    return Setting(optimizer, f"pairs{number}", averaged_once(optimizer, values))


_FORMS = {label(values): values for every in FEATURE_VALUES.values() for values in every}
ALONE = [*(setting for optimizer in COMPILED for setting in alone(optimizer)), *around(AROUND)]
_KERAS_FEATURES = {name: table for name, table in FEATURES.items() if name not in NOT_KERAS}
_OTHERS = [name for name in COMPILED if name not in KERAS]
#: As many of the settings of several switches, the first, are compiled wherever all tests run:
#: each is chosen for the most pairs that those before it leave.
FEW, FEW_OTHERS = 5, 2
AT_RANDOM = [
    *crossed(list(KERAS), _KERAS_FEATURES, CROSSED),
    *(at_random(seed, _OTHERS, FEATURES) for seed in range(OTHERS)),
]
