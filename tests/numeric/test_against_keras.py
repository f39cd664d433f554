"""Fifty steps beside Keras itself, on the torch backend, and Keras's signatures."""

from __future__ import annotations

import inspect
import zlib
from typing import Any

import keras
import numpy as np
import pytest

import optgen.optimizers
from tests.numeric.rules import Array
from tests.numeric.settings import ALONE, AT_RANDOM, Setting, some_in_full
from tests.numeric.specs import KERAS, NOT_KERAS, OPTIMIZERS, read
from tests.numeric.training import assert_close, new

# Keras's own conversion of NumPy arrays to torch tensors.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

STEPS = 50
#: Rules by a paper's formulas or its authors' code, which differ from Keras's of the same name.
ALIKE = ("adafactor", "schedulefreeadamw")
SHAPES = {"scale": (), "one": (1,), "kernel": (7, 5), "bias": (5,), "embedding": (91, 100)}


def differs_on_purpose(setting: Setting) -> bool:
    """Not Keras's, or where it lets the average decay at every call that only adds gradients."""
    if setting.optimizer not in KERAS or any(name in setting.values for name in NOT_KERAS):
        return True
    return setting.values.get("use_ema", False) and "gradient_accumulation_steps" in setting.values


SETTINGS = [setting for setting in [*ALONE, *AT_RANDOM] if not differs_on_purpose(setting)]


def keras_class(optimizer: str) -> Any:
    return getattr(keras.optimizers, read(OPTIMIZERS[optimizer])["name"])


@pytest.mark.parametrize("setting", some_in_full(SETTINGS))
def test_fifty_steps(setting: Setting) -> None:
    draw = np.random.default_rng(zlib.crc32(str(setting).encode()))
    held: dict[str, Array] = {
        path: np.asarray(draw.normal(size=shape), np.float32) for path, shape in SHAPES.items()
    }
    theirs = [keras.Variable(array, name=path) for path, array in held.items()]
    ours = new(setting.optimizer, **setting.values)
    peer = keras_class(setting.optimizer)(**setting.values)
    if setting.values.get("weight_decay") is not None:
        ours.exclude_from_weight_decay(var_names=["bias"])
        peer.exclude_from_weight_decay(var_names=["bias"])
    ours.build(held)
    peer.build(theirs)
    way = {path: np.zeros(array.shape) for path, array in held.items()}
    for _ in range(STEPS):
        row = [
            np.asarray(np.asarray(draw.normal(size=a.shape)) * 10 ** draw.uniform(-3, 1), a.dtype)
            for a in held.values()
        ]
        before = {path: array.copy() for path, array in held.items()}
        ours.apply(row)
        peer.apply([keras.ops.convert_to_tensor(gradient) for gradient in row])
        for path, array in held.items():
            way[path] += np.abs(array.astype(np.float64) - before[path])

    assert ours.iterations == int(peer.iterations)
    tolerance = 2e-4 if "gradient_accumulation_steps" in setting.values else 2e-5
    loose = {np.dtype(np.float32): tolerance}
    for (path, array), variable in zip(held.items(), theirs, strict=True):
        expected = np.asarray(variable.numpy(), np.float64)
        assert_close(array, expected, way[path], path, loose)
    if setting.values.get("use_ema"):
        averages = peer._model_variables_moving_average
        for path, average in zip(held, averages, strict=True):
            own = ours.state[path]["parameter_average"]
            assert_close(own, np.asarray(average.numpy(), np.float64), way[path], path, loose)


def test_the_rules_that_are_compared_are_those_that_keras_has() -> None:
    names = {stem: read(path)["name"] for stem, path in OPTIMIZERS.items()}
    found = {stem for stem, name in names.items() if hasattr(keras.optimizers, name)}
    assert found == {*KERAS, *ALIKE}


@pytest.mark.parametrize("name", [read(path)["name"] for path in KERAS.values()])
def test_the_signature_is_keras_s(name: str) -> None:
    def arguments(cls: Any) -> list[tuple[str, object]]:
        found = inspect.signature(cls).parameters.values()
        # The name of an instance is its own affair: Keras makes one up.
        return [
            (p.name, None if p.name == "name" else p.default)
            for p in found
            if p.kind is p.POSITIONAL_OR_KEYWORD
        ]

    assert arguments(getattr(optgen.optimizers, name)) == arguments(getattr(keras.optimizers, name))
