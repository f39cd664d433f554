"""States of optimizers here: snapshots of arrays, and what they hold by the rule's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np

from optgen.checkpoints.contents import Contents, without_codes
from optgen.runtime.optimizer import Optimizer
from optgen.runtime.state import file, store
from optgen.runtime.state.exchange import EVERY
from optgen.runtime.state.snapshot import Snapshot

#: The key that a store of ours has.
_OF_STORES = "optgen"
#: The counter of updates in a snapshot, and that of calls.
_UPDATES, _CALLS = "updates", "calls"


def snapshot_of(state: Any) -> Snapshot | None:
    """The snapshot that a value is, names or has; None if it is anything else."""
    match state:
        case Snapshot():
            return state
        case Optimizer():
            saved: dict[str, Any] = {}
            state.save_own_variables(saved)
            return store.get(saved)
        case str() | PathLike():
            return file.read(state)
        case Mapping() if _OF_STORES in state:
            return store.get(dict(state))
    return None


def read(found: Snapshot, rule: type[Optimizer]) -> Contents:
    """What a snapshot holds. Raises ValueError for states with codes."""
    names = {h.name for h in rule.hyperparameters}
    options = {name: value for name, value in found.config.items() if name in names}
    shared = {name: array for (path, name), array in found.arrays.items() if path == EVERY}
    states: dict[str, dict[str, Any]] = {path: dict(shared) for path in found.variables}
    for (path, name), array in found.arrays.items():
        if path in states:
            states[path][name] = _wide(without_codes(name, array))
    count = len(states)
    age = float(found.counters[_UPDATES])
    shapes = [shape for shape, _ in found.variables.values()]
    return Contents([options], [0] * count, [*states.values()], [age] * count, shapes)


def _wide(array: Any) -> Any:
    """An array of a dtype that all libraries have: NumPy has no bfloat16 of its own."""
    return array.astype(np.float32) if array.dtype.kind == "V" else array


def written(contents: Contents, like: Optimizer, calls_by: str) -> dict[str, Any]:
    """A store for ``like.load_own_variables``.

    ``calls_by`` is the hyperparameter that says how many calls an update has. Raises ValueError
    for other variables.
    """
    found = snapshot_of(like)
    assert found is not None
    paths = {path: place for place, path in enumerate(found.variables)}
    if len(paths) != len(contents.states):
        raise ValueError(f"there are {len(contents.states)} variables, and {len(paths)} here")
    arrays = {}
    for (path, name), kept in found.arrays.items():
        own = contents.states[paths.get(path, 0)]
        value = own.get(name, kept)
        value = value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
        arrays[path, name] = value.reshape(kept.shape).astype(kept.dtype, copy=True)
    config = dict(found.config) | {
        name: value for name, value in contents.groups[0].items() if name in found.config
    }
    updates = int(contents.age or 0)
    every = int(config.get(calls_by) or 1)
    counters = dict(found.counters) | {_UPDATES: updates, _CALLS: updates * every}
    made: dict[str, Any] = {}
    store.put(replace(found, arrays=arrays, config=config, counters=counters), made)
    return made
