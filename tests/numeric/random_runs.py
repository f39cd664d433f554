"""Runs with random arguments beside Keras, and how a failing one is made small."""

from __future__ import annotations

import math
import random
import warnings
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from tests.numeric.pairwise import Levels, cover
from tests.numeric.rules import Array
from tests.numeric.settings import OWN_VALUES
from tests.numeric.specs import KERAS, OPTIMIZERS, read
from tests.numeric.training import new

#: More than any window of the features; runs are many rather than long.
STEPS = 12
SHAPES = ((), (1,), (3,), (2, 3), (2, 1, 2), (0, 2))

#: Fifty steps show what these do; more numbers and shapes are tried with rules of more parts.
PLAINEST = ("adagrad", "ftrl", "lion")
FACTORS = {
    "rule": [
        f"{optimizer} {number}"
        for optimizer in KERAS
        if optimizer not in PLAINEST
        for number in range(1 + len(OWN_VALUES.get(optimizer, ())))
    ],
    "average": ["off", "on", "overwriting"],
    "clip": ["off", "clipnorm", "clipvalue", "global_clipnorm"],
    "decay": ["off", "on"],
    "scale": ["off", "on"],
    "accumulate": ["off", "on"],
}


def allowed(row: Levels) -> bool:
    """Keras lets averages decay in calls that only gather gradients: there optgen is kinder."""
    return row.get("accumulate") != "on" or row.get("average", "off") == "off"


SETTINGS = cover(FACTORS, allowed)


@dataclass(frozen=True)
class Run:
    """One comparison; equal runs are equal to the last bit."""

    seed: int
    optimizer: str
    arguments: Mapping[str, Any]
    shapes: Mapping[str, tuple[int, ...]]
    missing: float
    steps: int = STEPS


def at_random(seed: int) -> Run:
    """The settings take turns; all numbers are drawn."""
    draw = random.Random(seed)
    setting = SETTINGS[seed % len(SETTINGS)]
    optimizer, number = setting["rule"].split()
    own = ({}, *OWN_VALUES.get(optimizer, ()))[int(number)]
    arguments: dict[str, Any] = {"learning_rate": 10 ** draw.uniform(-3, -0.5)}
    for name, value in own.items():
        arguments[name] = value if isinstance(value, bool) else draw.uniform(0.1, 0.95)
    for name in read_numbers(optimizer):
        if name == "epsilon":
            arguments[name] = 10 ** draw.uniform(-7, -3)
        elif name not in arguments and name != "momentum":
            arguments[name] = draw.uniform(0.5, 0.999)
    return Run(
        seed=seed,
        optimizer=optimizer,
        arguments={**arguments, **features(setting, draw)},
        shapes={f"v{i}": draw.choice(SHAPES) for i in range(draw.randint(1, 3))},
        missing=draw.choice([0, 0, 0.2]),
    )


def read_numbers(optimizer: str) -> Iterator[str]:
    """The optimizer's own numbers beside the learning rate."""
    table = read(OPTIMIZERS[optimizer])
    declared = table.get("hyperparameters") or read(OPTIMIZERS["adam"])["hyperparameters"]
    for name, entry in declared.items():
        if name != "learning_rate" and not isinstance(entry.get("default"), bool):
            yield name


def features(setting: Levels, draw: random.Random) -> dict[str, Any]:
    """The arguments of features for a setting of the switches."""
    found: dict[str, Any] = {}
    if setting["decay"] == "on":
        found["weight_decay"] = draw.uniform(0, 0.2)
    if setting["scale"] == "on":
        found["loss_scale_factor"] = 10 ** draw.uniform(-1, 3)
    if setting["clip"] != "off":
        found[setting["clip"]] = 10 ** draw.uniform(-2, 1)
    if setting["average"] != "off":
        found |= {"use_ema": True, "ema_momentum": draw.uniform(0, 1)}
    if setting["average"] == "overwriting":
        found["ema_overwrite_frequency"] = draw.randint(1, 7)
    if setting["accumulate"] == "on":
        found["gradient_accumulation_steps"] = draw.randint(2, 4)
    return found


def stream(run: Run, what: str) -> np.random.Generator:
    """Numbers that are the same when other variables are taken out of the run."""
    return np.random.default_rng([run.seed, zlib.crc32(what.encode())])


def rows(run: Run) -> Iterator[dict[str, Array | None]]:
    """Gradients; some are missing, but none in the call of an update that gathered others.

    There Keras loses what was gathered, and optgen applies it.
    """
    window = run.arguments.get("gradient_accumulation_steps") or 1
    streams = {path: stream(run, path) for path in run.shapes}
    for call in range(1, run.steps + 1):
        row: dict[str, Array | None] = {}
        for path, shape in run.shapes.items():
            values = streams[path].normal(size=shape) * 10 ** streams[path].uniform(-2, 1)
            is_missing = streams[path].random() < run.missing
            is_free = window == 1 or call % window
            row[path] = None if is_missing and is_free else np.asarray(values, np.float32)
        if all(gradient is None for gradient in row.values()):
            row = {path: np.ones(shape, np.float32) for path, shape in run.shapes.items()}
        yield row


def difference(run: Run) -> str:
    """What Keras has otherwise at the end of a run; empty where nothing is."""
    held = {
        path: np.asarray(stream(run, f"start {path}").normal(size=shape), np.float32)
        for path, shape in run.shapes.items()
    }
    theirs = [keras.Variable(array) for array in held.values()]
    ours = new(run.optimizer, **run.arguments)
    peer = getattr(keras.optimizers, type(ours).__name__)(**run.arguments)
    ours.build(held)
    peer.build(theirs)
    way = {path: np.zeros(array.shape) for path, array in held.items()}
    with warnings.catch_warnings():
        # Of gradients that are missing on purpose; both warn.
        warnings.simplefilter("ignore", UserWarning)
        for row in rows(run):
            before = {path: array.copy() for path, array in held.items()}
            ours.apply(row)
            converted = [
                None if g is None else keras.ops.convert_to_tensor(g) for g in row.values()
            ]
            peer.apply(converted)
            for path, array in held.items():
                way[path] += np.abs(array.astype(np.float64) - before[path])
    pairs = [(path, array, v) for (path, array), v in zip(held.items(), theirs, strict=True)]
    if run.arguments.get("use_ema"):
        averages = peer._model_variables_moving_average
        for path, average in zip(held, averages, strict=True):
            pairs.append((path, ours.state[path]["parameter_average"], average))
    if ours._iterations != int(peer._iterations):
        return f"{ours._iterations} calls, not {int(peer._iterations)}"
    # Three float32 gradients may nearly cancel, and a normalised step magnifies what is left.
    tolerance = 2e-4 if "gradient_accumulation_steps" in run.arguments else 2e-5
    for path, array, variable in pairs:
        expected = np.asarray(variable.numpy(), np.float64)
        bound = tolerance * (np.abs(expected) + way[path]) + 1e-30
        if not (np.abs(array - expected) <= bound).all():
            return f"{path}: {array!r} is not {expected!r} after a way of {way[path]!r}"
    return ""


def shrunk(run: Run) -> Run:
    """A smaller run that differs from Keras too: fewer steps, variables and arguments."""
    for smaller in _smaller(run):
        if difference(smaller):
            return shrunk(smaller)
    return run


def _smaller(run: Run) -> Iterator[Run]:
    for steps in {1, run.steps // 2, run.steps - 1} - {0, run.steps}:
        yield replace(run, steps=steps)
    for path in run.shapes if len(run.shapes) > 1 else ():
        left = {other: shape for other, shape in run.shapes.items() if other != path}
        yield replace(run, shapes=left)
    for name in run.arguments:
        left_over = {other: v for other, v in run.arguments.items() if other != name}
        yield replace(run, arguments=left_over)
    for path, shape in run.shapes.items():
        if math.prod(shape) > 1:
            yield replace(run, shapes={**run.shapes, path: ()})
    if run.missing:
        yield replace(run, missing=0)
