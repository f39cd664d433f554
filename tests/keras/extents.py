"""Rules with numbers, rows and columns, as a backend compiles them, beside their formulas."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np

from optgen.keras import optimizer_class
from tests.extents.formulas import SHAPES, differences, drawn, expected
from tests.extents.own import NAMES, rule
from tests.keras.crossing import Apply
from tests.keras.promises import INPUTS, TARGETS, fitted, weights

STEPS = 6
TOLERANCE = 2e-5


def mistakes(compiled: Callable[[Any], Apply], names: tuple[str, ...] = NAMES) -> list[str]:
    """What a backend computes otherwise, in a run that goes on from a file in the middle."""
    found = []
    for name in names:
        held, rows = drawn(STEPS)
        variables, optimizer = _new(name, held)
        apply = compiled(optimizer)
        with warnings.catch_warnings():
            # Of the gradient that is missing on purpose.
            warnings.simplefilter("ignore")
            for row in rows[: STEPS // 2]:
                apply(optimizer, row[:-1], variables)
            variables, optimizer = _reloaded(optimizer, name, variables)
            apply = compiled(optimizer)
            for row in rows[STEPS // 2 :]:
                apply(optimizer, row[:-1], variables)
        slots, shared = optimizer._inside.slots, optimizer._inside.shared

        def state(k: int | None, wanted: str, slots: Any = slots, shared: Any = shared) -> Any:
            held = shared if k is None else slots[k].states
            return keras.ops.convert_to_numpy(held[wanted])

        arrays = [keras.ops.convert_to_numpy(variable) for variable in variables]
        wanted = expected(name, drawn(STEPS)[0], rows)
        found += [f"{name}: {one}" for one in differences(state, arrays, wanted, TOLERANCE)]
    return found


def _new(name: str, held: Any) -> tuple[list[Any], Any]:
    pairs = zip(SHAPES, held, strict=True)
    variables = [keras.Variable(array, name=path) for path, array in pairs]
    optimizer = optimizer_class(rule(name), f"Tests{name}")()
    if hasattr(optimizer, "exclude_from_matrix"):
        optimizer.exclude_from_matrix(var_names=["plain"])
    optimizer.build(variables)
    return variables, optimizer


def _reloaded(optimizer: Any, name: str, variables: list[Any]) -> tuple[list[Any], Any]:
    """Another optimizer with the configuration and the state of one, and its variables."""
    held = [keras.ops.convert_to_numpy(variable) for variable in variables]
    copies = [keras.Variable(a, name=path) for path, a in zip(SHAPES, held, strict=True)]
    store: dict[str, Any] = {}
    optimizer.save_own_variables(store)
    made = type(optimizer).from_config(optimizer.get_config())
    made.build(copies)
    made.load_own_variables({key: np.array(value) for key, value in store.items()})
    return copies, made


def check_keras_files(folder: Path) -> None:
    """A model that is saved in the middle of a run goes on as one that isn't."""
    for name in ("Factored", "Learned"):
        optimizer_class(rule(name), f"Tests{name}")
        model = fitted(f"optgen.own>Tests{name}", epochs=1)
        model.save(folder / f"{name}.keras")
        loaded = keras.saving.load_model(folder / f"{name}.keras")
        pairs = zip(model.optimizer.variables, loaded.optimizer.variables, strict=True)
        for one, other in pairs:
            assert one.shape == other.shape
            assert np.array_equal(
                keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other)
            )
        for one in (model, loaded):
            one.fit(INPUTS, TARGETS, batch_size=16, shuffle=False, verbose=0)
        for ours, theirs in zip(weights(model), weights(loaded), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def failures(compiled: Callable[[Any], Apply]) -> list[str]:
    """What a backend computes otherwise, or doesn't load."""
    found = mistakes(compiled)
    with TemporaryDirectory() as folder:
        try:
            check_keras_files(Path(folder))
        except Exception as error:
            found.append(f"files: {error!r}")
    return found
