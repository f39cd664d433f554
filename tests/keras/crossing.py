"""Every optimizer with every feature, as a backend compiles it, beside the rule in float64."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

import optgen.keras
from tests.numeric.reference import Reference
from tests.numeric.rules import Array
from tests.numeric.settings import AT_RANDOM, Setting
from tests.numeric.specs import OPTIMIZERS, read
from tests.runtime.cuda.own import NAMES, SPECS, package

STEPS = 12
#: What values may differ by, however small; states in proportion to an estimate begin at less.
LEAST, LEAST_OF = 1e-6, {"dadaptadam": 1e-14}
SHAPES = {"scale": (), "kernel": (5, 3), "bias": (3,), "idle": (4,)}

Apply = Callable[[Any, Sequence[Any], Sequence[Any]], None]


#: Of a user's own: norms of several tensors, every function, and names that code needs itself.
OWN = {name.lower(): SPECS / f"{name.lower()}.toml" for name in NAMES}
#: Few, as backends take a second to compile each; rows of pairs have most features in them.
SETTINGS = [
    *AT_RANDOM[:4],
    *AT_RANDOM[-2:],
    *(Setting(name, "own", {"learning_rate": 0.01}) for name in OWN),
]


def of(setting: Setting) -> Any:
    """An optimizer of Keras."""
    if setting.optimizer in OWN:
        rule = getattr(package(), setting.optimizer.capitalize())
        return optgen.keras.optimizer_class(rule)(**setting.values)
    made = getattr(optgen.keras, read(OPTIMIZERS[setting.optimizer])["name"])
    return made(**setting.values)


def difference(setting: Setting, compiled: Callable[[Any], Apply]) -> str:
    """What a backend has otherwise at the end of a run; empty where nothing is.

    One variable never has a gradient, and one is excluded from the decay.
    """
    draw = np.random.default_rng(zlib.crc32(str(setting).encode()))
    held: dict[str, Array] = {
        path: np.asarray(draw.normal(size=shape), np.float32) for path, shape in SHAPES.items()
    }
    variables = [keras.Variable(array, name=path) for path, array in held.items()]
    ours = of(setting)
    excluded = {}
    if setting.values.get("weight_decay") is not None:
        ours.exclude_from_weight_decay(var_names=["bias"])
        excluded["weight_decay"] = [list(SHAPES).index("bias")]
    ours.build(variables)
    spec = {**OPTIMIZERS, **OWN}[setting.optimizer]
    reference = Reference(spec, list(held.values()), excluded, **setting.values)
    apply = compiled(ours)
    with warnings.catch_warnings():
        # Of the gradient that is missing on purpose.
        warnings.simplefilter("ignore")
        for _ in range(STEPS):
            row = [
                np.asarray(draw.normal(size=a.shape) * 10 ** draw.uniform(-2, 1), np.float32)
                for a in held.values()
            ]
            apply(ours, row[:-1], variables)
            reference.apply([*row[:-1], None])
    if int(ours.iterations) != reference.updates:
        return f"{int(ours.iterations)} updates, not {reference.updates}"
    tolerance = 2e-4 if "gradient_accumulation_steps" in setting.values else 5e-5
    least = LEAST_OF.get(setting.optimizer, LEAST)
    for name in ["param", *reference.states]:
        every = enumerate(zip(reference.of(name), reference.path(name), strict=True))
        for place, (expected, way) in every:
            found = variables[place] if name == "param" else _state(ours, place, name)
            if found is None:
                continue
            array = np.asarray(keras.ops.convert_to_numpy(found), np.float64)
            array = reference.at_elements(name, array, place)
            bound = tolerance * (np.abs(expected) + way) + least
            if not (np.abs(array - expected) <= bound).all():
                return f"{name}: {array!r} is not {expected!r}"
    return ""


def _state(optimizer: Any, place: int, name: str) -> Any:
    """A state of a variable or of all; None where the variable has none of that name."""
    inside = optimizer._inside
    return {**inside.shared, **inside.slots[place].states}.get(name)
