"""The settings of every optimizer that are compared with something else.

The same ones everywhere, because each set of switches costs a compilation.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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

SEEDS = 24


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
    """The plain optimizer, each of its own switches, and each feature.

    Features are the same code around every rule: once around each of Keras's will do.
    """
    yield Setting(optimizer, "plain")
    for values in OWN_VALUES.get(optimizer, ()):
        yield Setting(optimizer, label(values), values)
    if optimizer not in KERAS:
        return
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


ALONE = [setting for optimizer in OPTIMIZERS for setting in alone(optimizer)]
#: The features around one rule only, for what doesn't depend on which.
AROUND = "rmsprop"
AROUND_ONE = [
    setting
    for setting in ALONE
    if setting.optimizer == AROUND or setting.own in [{}, *OWN_VALUES.get(setting.optimizer, ())]
]
_KERAS_FEATURES = {name: table for name, table in FEATURES.items() if name not in NOT_KERAS}
_OTHERS = [name for name in OPTIMIZERS if name not in KERAS]
AT_RANDOM = [
    *(at_random(seed, list(KERAS), _KERAS_FEATURES) for seed in range(SEEDS)),
    *(at_random(seed, _OTHERS, FEATURES) for seed in range(SEEDS, SEEDS + len(_OTHERS))),
]
