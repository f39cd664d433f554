"""States of Keras's own optimizers in these classes, and theirs in Keras's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import optgen.keras

# Keras's own conversion of NumPy arrays to torch tensors.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.usefixtures("python_kernels"),
]

EMA: dict[str, Any] = {"use_ema": True, "ema_momentum": 0.8}
GATHER: dict[str, Any] = {"gradient_accumulation_steps": 3}
OWN: dict[str, list[dict[str, Any]]] = {
    "SGD": [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}],
    "RMSprop": [{}, {"momentum": 0.9}, {"centered": True}, {"momentum": 0.9, "centered": True}],
    "Adadelta": [{}],
    "Adamax": [{}],
    "Adam": [{}, {"amsgrad": True}],
    "AdamW": [{}, {"amsgrad": True}],
}
CASES = [(name, own) for name, every in OWN.items() for own in every]
#: What gathers, or averages, around the setting with the most states.
CASES += [(name, every[-1] | more) for name, every in OWN.items() for more in (EMA, GATHER)]
SHAPES = {"kernel": (4, 3), "bias": (3,), "scale": (), "head": (3, 4)}
BEFORE, AFTER = 6, 20


def made(module: Any, name: str, values: dict[str, Any]) -> Any:
    return getattr(module, name)(learning_rate=0.02, **values)


def variables() -> list[Any]:
    draw = np.random.default_rng(1)
    return [
        keras.Variable(draw.normal(size=shape).astype(np.float32), name=name)
        for name, shape in SHAPES.items()
    ]


def gradients(count: int, seed: int) -> list[list[torch.Tensor]]:
    draw = np.random.default_rng(seed)
    return [
        [torch.tensor(draw.normal(size=shape), dtype=torch.float32) for shape in SHAPES.values()]
        for _ in range(count)
    ]


def steps(optimizer: Any, held: list[Any], rows: list[list[torch.Tensor]]) -> None:
    for row in rows:
        optimizer.apply(list(row), held)


def is_near(ours: list[Any], theirs: list[Any]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("there", [True, False], ids=["from Keras", "to Keras"])
@pytest.mark.parametrize(("name", "values"), CASES, ids=str)
def test_states_cross_over(name: str, values: dict[str, Any], there: bool) -> None:
    source, target = keras.optimizers, optgen.keras
    if not there:
        source, target = target, source
    held = variables()
    first = made(source, name, values)
    steps(first, held, gradients(BEFORE, 2))
    store: dict[str, Any] = {}
    first.save_own_variables(store)
    store = {key: np.array(value) for key, value in store.items()}
    taken = [keras.Variable(v.numpy().copy(), name=v.name) for v in held]
    second = made(target, name, values)
    second.build(taken)
    assert [v.shape for v in second.variables] == [v.shape for v in first.variables]
    second.load_own_variables(store)
    steps(first, held, gradients(AFTER, 3))
    steps(second, taken, gradients(AFTER, 3))
    is_near(taken, held)
    is_near(second.variables[1:], first.variables[1:])
    assert int(second.iterations) == int(first.iterations)


def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Input((6,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(2)]
    return keras.Sequential(layers)


DRAW = np.random.default_rng(0)
INPUTS, TARGETS = DRAW.normal(size=(32, 6)), DRAW.normal(size=(32, 2))


def fit(model: keras.Model, epochs: int) -> None:
    model.fit(INPUTS, TARGETS, epochs=epochs, batch_size=8, shuffle=False, verbose=0)


@pytest.mark.parametrize("is_wrapped", [False, True])
def test_files_of_weights_cross_over(tmp_path: Path, is_wrapped: bool) -> None:
    values = {"amsgrad": True, **EMA}
    path = str(tmp_path / "model.weights.h5")
    modules = (keras.optimizers, optgen.keras)
    for source, target in (modules, modules[::-1]):
        ends: list[list[Any]] = []
        for module in (source, target):
            optimizer = made(module, "Adam", values)
            if is_wrapped:
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=64.0)
            model = network()
            model.compile(optimizer, loss="mse")
            if not ends:
                fit(model, 2)
                model.save_weights(path)
            else:
                optimizer.build(model.trainable_variables)
                model.load_weights(path)
            fit(model, 5)
            ends.append([*model.trainable_variables, *optimizer.variables])
        is_near(ends[1], ends[0])


def test_the_former_order_is_read() -> None:
    held, values = variables(), {"amsgrad": True, **EMA}
    optimizer = made(optgen.keras, "Adam", values)
    steps(optimizer, held, gradients(BEFORE, 2))
    names = ("mean_gradient", "velocity", "velocity_bound", "parameter_average")
    former = [slot.states[name] for slot in optimizer._inside.slots for name in names]
    every = [*optimizer.variables[:2], *former]
    store = {str(place): v.numpy().copy() for place, v in enumerate(every)}
    again = made(optgen.keras, "Adam", values)
    again.build(variables())
    again.load_own_variables(store)
    for one, other in zip(again.variables, optimizer.variables, strict=True):
        assert np.array_equal(one.numpy(), other.numpy())


def test_what_does_not_fit_is_refused_whole() -> None:
    saved = made(optgen.keras, "Adam", EMA)
    steps(saved, variables(), gradients(2, 2))
    store: dict[str, Any] = {}
    saved.save_own_variables(store)
    other = made(optgen.keras, "Adam", {"amsgrad": True})
    other.build(variables())
    before = [v.numpy().copy() for v in other.variables]
    said = r"velocity has shape \(4, 3\), the file \(3,\)"
    with pytest.raises(ValueError, match=f"nothing is loaded: .*{said}"):
        other.load_own_variables(store)
    for variable, value in zip(other.variables, before, strict=True):
        assert np.array_equal(variable.numpy(), value)
