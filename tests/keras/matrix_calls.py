"""Rules with functions of whole matrices, as a backend compiles them, beside their formulas."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from optgen.keras import optimizer_class
from tests.keras.crossing import Apply
from tests.keras.promises import INPUTS, TARGETS
from tests.matrices.formulas import RULES, SHAPES, Array, State, drawn, expected
from tests.matrices.own import NAMES, rule

STEPS = 4
TOLERANCE = 2e-5


def failures(compiled: Callable[[Any], Apply]) -> list[str]:
    """What a backend computes otherwise: in calls, in ``fit``, and for gradients that are NaN."""
    with warnings.catch_warnings():
        # Of the gradient that is missing on purpose.
        warnings.simplefilter("ignore")
        found = [f"{name}: {one}" for name in NAMES for one in _in_calls(name, compiled)]
        found += [f"{name} in fit: {one}" for name in NAMES for one in _in_fit(name)]
        found += [one for name in ("Rooted", "Rotated") for one in _with_nan(name, compiled)]
    return found


def _new(name: str, held: dict[str, Array]) -> tuple[list[Any], Any]:
    variables = [keras.Variable(array, name=path) for path, array in held.items()]
    optimizer = optimizer_class(rule(name), f"Tests{name}")()
    optimizer.exclude_from_matrix(var_names=["plain"])
    # Calls of a compiled step leave out the last gradient.
    optimizer.build([*variables, keras.Variable(np.zeros((2, 2), np.float32), name="idle")])
    return [*optimizer._trainable_variables], optimizer


def _in_calls(name: str, compiled: Callable[[Any], Apply]) -> list[str]:
    """In a run that goes on in the middle, from what a file would hold."""
    held, rows = drawn(STEPS)
    wanted = expected(name, held, rows)
    variables, optimizer = _new(name, held)
    for part in (rows[: STEPS // 2], rows[STEPS // 2 :]):
        store: dict[str, Any] = {}
        optimizer.save_own_variables(store)
        now = [keras.ops.convert_to_numpy(variable) for variable in variables]
        variables, optimizer = _new(name, dict(zip(SHAPES, now, strict=False)))
        optimizer.load_own_variables({key: np.array(value) for key, value in store.items()})
        apply = compiled(optimizer)
        for row in part:
            apply(optimizer, row, variables)
    return _differences(variables, wanted)


def _differences(variables: list[Any], wanted: list[Array]) -> list[str]:
    found = []
    for variable, array in zip(variables, wanted, strict=False):
        difference = np.abs(keras.ops.convert_to_numpy(variable) - array).max()
        if not difference < TOLERANCE:
            found.append(f"{variable.name} differs by {difference}")
    return found


def _in_fit(name: str) -> list[str]:
    """A linear model, whose gradient is a formula too."""
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(2, use_bias=False)])
    kernel = keras.ops.convert_to_numpy(model.weights[0]).astype(np.float64)
    model.compile(optimizer_class(rule(name), f"Tests{name}")(), loss="mse")
    model.fit(INPUTS, TARGETS, batch_size=len(INPUTS), epochs=STEPS, shuffle=False, verbose=0)
    state: State = {}
    for step in range(1, STEPS + 1):
        gradient = 2 * INPUTS.T @ (INPUTS @ kernel - TARGETS) / TARGETS.size
        kernel = RULES[name](kernel, gradient, state, step, True)
    return _differences(model.weights, [kernel])


def _with_nan(name: str, compiled: Callable[[Any], Apply]) -> list[str]:
    """One gradient with NaN makes NaN of its variable, and of no other."""
    held, rows = drawn(1)
    variables, optimizer = _new(name, held)
    rows[0][0][0, 0] = np.nan
    compiled(optimizer)(optimizer, rows[0], variables)
    arrays = [keras.ops.convert_to_numpy(variable) for variable in variables]
    is_odd = [bool(np.isnan(array).any()) for array in arrays]
    return [] if is_odd == [True] + [False] * (len(arrays) - 1) else [f"{name}: NaN in {is_odd}"]
