"""The settings of every optimizer that are compared with something else.

The same ones everywhere, because each set of switches costs a compilation.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.numeric.pairwise import cover
from tests.numeric.specs import FEATURES, KERAS, NOT_KERAS, OPTIMIZERS

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
}

#: Large enough for the changes to count against the parameters themselves.
LEARNING_RATES: Mapping[str, float] = {"adadelta": 3.0, "torchadadelta": 3.0}
LEARNING_RATE = 0.1

#: At most so many settings of several switches, of Keras's optimizers and of others.
CROSSED, OTHERS = 28, 6
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
    return Setting(optimizer, f"seed{seed}", values)


def crossed(optimizers: Sequence[str], features: Mapping[str, Any], most: int) -> Iterator[Setting]:
    """Settings with every pair of an optimizer and a feature, and of features; ``most`` of them."""
    forms = {label(v): v for name in sorted(features) for v in FEATURE_VALUES[name]}
    factors: dict[str, list[str]] = {"rule": list(optimizers)}
    for name in sorted(features):
        factor = factors.setdefault(features[name].get("exclusive", name), ["off"])
        factor += map(label, FEATURE_VALUES[name])
    for number, row in enumerate(cover(factors, lambda row: True)[:most]):
        rule = row["rule"]
        own = [{}, *OWN_VALUES.get(rule, ())]
        values: dict[str, Any] = dict(own[number % len(own)])
        for level in row.values():
            values |= forms.get(level, {})
        yield Setting(rule, f"pairs{number}", values)


ALONE = [*(setting for optimizer in OPTIMIZERS for setting in alone(optimizer)), *around(AROUND)]
_KERAS_FEATURES = {name: table for name, table in FEATURES.items() if name not in NOT_KERAS}
_OTHERS = [name for name in OPTIMIZERS if name not in KERAS]
AT_RANDOM = [
    *crossed(list(KERAS), _KERAS_FEATURES, CROSSED),
    *(at_random(seed, _OTHERS, FEATURES) for seed in range(OTHERS)),
]
