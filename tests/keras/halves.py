"""Variables and states of half precision, on whichever backend."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ml_dtypes import bfloat16

import optgen.optimizers
from optgen.keras import SGD, Adam, optimizer_class
from tests.keras.compiled import COMPILED
from tests.keras.promises import INPUTS, TARGETS, assert_same, fitted, network

Array = np.ndarray[Any, Any]
DTYPES: dict[str, Any] = {"bfloat16": bfloat16, "float16": np.float16, "float32": np.float32}
#: The distance of 1 and the next number.
UNITS = {"bfloat16": 2.0**-7, "float16": 2.0**-10, "float32": 2.0**-23}
STORAGES: list[Any] = [None, "bfloat16", {"*": "float16", "velocity": "bfloat16"}]
GIVEN: dict[str, Any] = {"weight_decay": 0.01, "use_ema": True, "ema_momentum": 0.9}
IS_TORCH = keras.config.backend() == "torch"


def values(variable: Any) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(variable.value, "float32")))


def states_of(optimizer: Any, place: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = optimizer._inside.slots[place].states
    return found


def compared(dtype: str, storage: Any, *, compiled: bool) -> None:
    """A run beside the kernels for arrays, whose states have the same storage."""
    draw, scalar = np.random.default_rng(0), DTYPES[dtype]
    array = draw.normal(size=(5, 3)).astype(scalar)
    variable = keras.Variable(array.astype(np.float32), dtype=dtype, name="one")
    idle = keras.Variable(np.zeros(2, np.float32), dtype=dtype, name="idle")
    ours = Adam(0.125, state_dtype=storage, **GIVEN)
    plain = optgen.optimizers.Adam(0.125, state_dtype=storage, **GIVEN)
    ours.build([variable, idle])
    plain.build({"one": array})
    assert (ours._inside.in_place is not None) == IS_TORCH
    apply = COMPILED[keras.config.backend()](ours)
    for _ in range(3):
        gradient = draw.normal(size=(5, 3)).astype(scalar)
        tensor = keras.ops.convert_to_tensor(gradient.astype(np.float32), dtype)
        if compiled:
            apply(ours, [tensor], [variable, idle])
        else:
            ours.apply([tensor, None], [variable, idle])
        plain.apply({"one": gradient})
    # One unit of the last place, where results differ across a point of rounding.
    found, expected = {"param": variable, **states_of(ours)}, {"param": array, **plain.state["one"]}
    assert {*found} == {*expected}
    for name, state in found.items():
        assert keras.backend.standardize_dtype(state.dtype) == expected[name].dtype.name, name
        unit = max(UNITS[expected[name].dtype.name], 1e-5 if dtype == "float32" else 1e-3)
        wide = expected[name].astype(np.float32)
        np.testing.assert_allclose(values(state), wide, rtol=2 * unit, atol=1e-6, err_msg=name)
        if IS_TORCH and not compiled:
            assert np.array_equal(values(state), wide)


def check_half_variables_follow_kernels(folder: Path) -> None:
    with warnings.catch_warnings():
        # Of the gradient that is missing on purpose.
        warnings.simplefilter("ignore")
        for dtype, storage in zip(DTYPES, STORAGES, strict=True):
            compared(dtype, storage, compiled=False)
        for dtype, storage in zip(DTYPES, reversed(STORAGES), strict=True):
            compared(dtype, storage, compiled=True)


@contextmanager
def policy(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def check_mixed_precision_ends_where_keras_s_own_does(folder: Path) -> None:
    with policy("mixed_bfloat16"):
        models = [fitted(kind(0.01)) for kind in (Adam, keras.optimizers.Adam)]
        assert all(keras.backend.standardize_dtype(w.dtype) == "float32" for w in models[0].weights)
        # Gradients that went through bfloat16 magnify a difference of float32.
        ours, theirs = models
        assert_same(ours, theirs, tolerance=2e-2)
        narrow = fitted(Adam(0.01, state_dtype="bfloat16"))
    for state in states_of(narrow.optimizer).values():
        assert keras.backend.standardize_dtype(state.dtype) == "bfloat16"


def check_models_of_half_precision_learn(folder: Path) -> None:
    with policy("bfloat16"):
        fresh = network()
        fresh.compile(loss="mse")
        before = fresh.evaluate(INPUTS, TARGETS, verbose=0)
        for storage in (None, "bfloat16"):
            model = fitted(Adam(0.02, state_dtype=storage), epochs=6)
            dtypes = {keras.backend.standardize_dtype(w.dtype) for w in model.trainable_weights}
            assert dtypes == {"bfloat16"}
            assert model.evaluate(INPUTS, TARGETS, verbose=0) < before


def check_files_keep_states_of_half_precision(folder: Path) -> None:
    model = fitted(Adam(0.01, state_dtype="bfloat16", use_ema=True))
    model.save(folder / "model.keras")
    again = keras.saving.load_model(folder / "model.keras")
    assert again.optimizer.get_config() == model.optimizer.get_config()
    for one, other in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        assert one.dtype == other.dtype
        assert np.array_equal(values(one), values(other))
    for one in (model, again):
        one.fit(INPUTS, TARGETS, epochs=1, batch_size=16, shuffle=False, verbose=0)
    if IS_TORCH:
        assert_same(model, again, tolerance=0.0)


def check_loading_into_another_storage_tells_what_was_rounded(folder: Path) -> None:
    variable = keras.Variable(np.ones(3, np.float32), name="one")
    wide, narrow = SGD(0.1, momentum=0.9), SGD(0.1, momentum=0.9, state_dtype="bfloat16")
    wide.build([variable])
    narrow.build([variable])
    wide.apply([keras.ops.convert_to_tensor(np.full(3, 0.3, np.float32))], [variable])
    stores: list[dict[str, Any]] = [{}, {}]
    wide.save_own_variables(stores[0])
    with pytest.warns(UserWarning, match="was rounded: .* from float32 to bfloat16"):
        narrow.load_own_variables(stores[0])
    narrow.save_own_variables(stores[1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wide.load_own_variables(stores[1])
    (state,), (other,) = states_of(wide).values(), states_of(narrow).values()
    expected = np.float32(-0.03).astype(bfloat16).astype(np.float32)
    assert values(state).tolist() == values(other).tolist() == [expected] * 3


def check_overwritten_variables_keep_the_largest_gradient(folder: Path) -> None:
    variable = keras.Variable(np.ones(3), dtype="bfloat16", name="scale")
    variable.overwrite_with_gradient = True
    trained = keras.Variable(np.ones(3), dtype="bfloat16", name="kernel")
    optimizer = SGD(0.5, gradient_accumulation_steps=2)
    optimizer.build([variable, trained])
    for number in (3.0, 2.0):
        gradient = keras.ops.full((3,), number, "bfloat16")
        optimizer.apply([gradient, gradient], [variable, trained])
    assert values(variable).tolist() == [3.0] * 3
    assert values(trained).tolist() == [1 - 0.5 * 2.5] * 3


def check_constraints_of_half_precision(folder: Path) -> None:
    variable = keras.Variable(-np.ones(3), dtype="bfloat16", name="kernel")
    variable.constraint = keras.constraints.NonNeg()
    SGD(0.5).apply([keras.ops.ones((3,), "bfloat16")], [variable])
    assert values(variable).tolist() == [0.0] * 3


def check_what_backends_lack_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'bfloat16'"):
        Adam(state_dtype="bfloat")
    with pytest.raises(ValueError, match="did you mean 'nearest'"):
        Adam(rounding="nearst")
    optimizer = Adam(state_dtype={"velocities": "bfloat16"})
    with pytest.warns(UserWarning, match="no state and no variable fits 'velocities'"):
        optimizer.build([keras.Variable(np.ones(3, np.float32))])
    own = optimizer_class(optgen.optimizers.SGD)
    assert "state_dtype" not in own().get_config()


HALVES: list[Callable[[Path], None]] = [
    value for name, value in list(globals().items()) if name.startswith("check_")
]
