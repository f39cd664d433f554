"""Snapshots of a built model: taking and restoring."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from operator import setitem
from typing import Any, TypeVar

import numpy as np

from optgen.runtime.caller import caller_level
from optgen.runtime.hyperparameters.exclusions import Exclusions
from optgen.runtime.hyperparameters.settings import Settings
from optgen.runtime.hyperparameters.treatment import rows_of
from optgen.runtime.model import Model
from optgen.runtime.state.snapshot import Key, Snapshot, StateError
from optgen.runtime.transaction import Call

Made = TypeVar("Made")

#: The state of a variable that says whether it had a gradient since the last update.
SEEN = "had_gradient"
#: In place of a path, the key of what all variables share.
EVERY = "*"


def arrays_of(model: Model) -> dict[Key, Any]:
    """Every array that a run needs to go on: the states, on the host, and who had a gradient."""
    found: dict[Key, Any] = {}
    for index, path in enumerate(model.paths):
        for name, array in model.state_of(index).items():
            found[path, name] = model.memory.host(array)
        if model.gathers[index]:
            found[path, SEEN] = np.array(model.seen[index])
    for name, array in model.shared.items():
        found[EVERY, name] = model.memory.host(array)
    return found


def putting_back(model: Model, arrays: Mapping[Key, Any]) -> list[Call]:
    """The calls that give every state the value from a snapshot that fits."""
    calls: list[Call] = []
    for index, path in enumerate(model.paths):
        for name, array in model.state_of(index).items():
            calls.append(model.memory.assigning(array, arrays[path, name]))
        had_gradient = model.gathers[index] and bool(arrays[path, SEEN])
        calls.append((setitem, model.seen, index, had_gradient))
    for name, array in model.shared.items():
        calls.append(model.memory.assigning(array, arrays[EVERY, name]))
    return calls


def taken(
    optimizer: str, spec: str, config: Mapping[str, Any], counters: Mapping[str, int], model: Model
) -> Snapshot:
    """The state as it is now; arrays of the host are the optimizer's own, not copies."""
    variables = {path: model.memory.form(array) for path, array in model.named.items()}
    return Snapshot(optimizer, spec, _writable(config), counters, variables, arrays_of(model))


def check_settings(
    saved: Settings, exclusions: Exclusions, current: Settings, model: Model, source: str
) -> None:
    """Raise StateError where saved hyperparameters need other kernels or rows than current ones."""
    rows = rows_of(saved.groups(model.named), exclusions, model.named)
    if rows != model.rows:
        raise StateError(f"{source} has other options or exclusions than this optimizer")
    for row in model.row_set:
        mine, its = current.on(row.groups), saved.on(row.groups)
        if mine != its:
            switched = ", ".join(name for name in mine if mine[name] != its[name])
            raise StateError(f"{source} was saved with another setting of {switched}")


def warn_of_other_rule(snapshot: Snapshot, spec: str, source: str) -> None:
    """Warn where a snapshot was taken with another rule than that of the digest ``spec``."""
    if snapshot.spec != spec:
        message = f"{source} was written by another version of {snapshot.optimizer}'s rule"
        warnings.warn(message, stacklevel=caller_level())


def _writable(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as JSON can hold it; a function is replaced by a word that says so."""
    text = json.dumps(config, default=_word, allow_nan=False)
    return dict(json.loads(text))


_FUNCTION = "function"


def _word(value: object) -> dict[str, str]:
    if not callable(value):
        raise TypeError(f"{value!r} can't be saved")
    return {_FUNCTION: getattr(value, "__qualname__", type(value).__name__)}


def remade(
    make: Callable[[Mapping[str, Any]], Made],
    snapshot: Snapshot,
    current: Mapping[str, Any],
    source: str,
) -> Made:
    """What the saved configuration makes, with current functions where functions were saved.

    Raises StateError where it makes nothing.
    """
    try:
        return make(_restored(snapshot.config, current, source))
    except (TypeError, ValueError) as error:
        raise StateError(f"{source}: {error}") from error


def _restored(saved: Any, current: Any, what: str) -> Any:
    """A saved configuration with the functions that the optimizer has now in their places.

    Raises StateError where a function was saved and there is none now.
    """
    if isinstance(saved, Mapping) and set(saved) == {_FUNCTION}:
        if not callable(current):
            message = f"{what} was given by the function {saved[_FUNCTION]}"
            raise StateError(f"{message}, which no file can hold; give one to this optimizer too")
        return current
    if isinstance(saved, Mapping):
        now = current if isinstance(current, Mapping) else {}
        pairs = ((key, value, now.get(key)) for key, value in saved.items())
        return {key: _restored(value, there, f"{what} {key}") for key, value, there in pairs}
    return saved
