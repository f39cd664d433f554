"""States in Keras's stores: ``save_own_variables`` and ``load_own_variables``."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from dataclasses import replace
from typing import Any

import numpy as np

from optgen.runtime.state.encoding import Form, decoded, encoded
from optgen.runtime.state.snapshot import Key, Snapshot, StateError

#: The key of all that isn't an array of a variable.
_HEAD = "optgen"
Store = MutableMapping[str, Any]


def put(snapshot: Snapshot, store: Store) -> None:
    """Write arrays under ``path/state``, and the rest as bytes of JSON under one key."""
    arrays = {key: encoded(array) for key, array in snapshot.arrays.items()}
    head = {
        "optimizer": snapshot.optimizer,
        "spec": snapshot.spec,
        "config": snapshot.config,
        "counters": snapshot.counters,
        "variables": snapshot.variables,
        "arrays": [[*key] if form is None else [*key, form] for key, (_, form) in arrays.items()],
    }
    text = json.dumps(head, allow_nan=False)
    for key, (array, _) in arrays.items():
        store[_key(key)] = array.copy()
    store[_HEAD] = np.frombuffer(text.encode(), np.uint8)


def get(store: Store) -> Snapshot:
    """What ``put`` wrote. Raises StateError for anything else."""
    if _HEAD not in store:
        keys = list(store.keys())
        is_keras = bool(keys) and all(key.isdigit() for key in keys)
        whose = "of Keras itself, which says positions only" if is_keras else "that optgen wrote"
        raise StateError(f"this is {'a state' if is_keras else 'no state'} {whose}")
    try:
        head = json.loads(bytes(np.asarray(store[_HEAD])).decode())
        listed: dict[Key, Form] = {
            (path, state): form[0] if form else None for path, state, *form in head.pop("arrays")
        }
        variables = {
            path: (tuple(shape), kind) for path, (shape, kind) in head["variables"].items()
        }
        bare = Snapshot(**{**head, "variables": variables}, arrays={})
    except (ValueError, TypeError, KeyError) as error:
        raise StateError(f"the description of this state is damaged: {error}") from error
    wanted, there = {_key(key) for key in listed}, {*_leaves(store)}
    for key in wanted - there:
        raise StateError(f"this state has no {key!r}")
    for key in there - wanted - {_HEAD}:
        raise StateError(f"this state has {key!r} too many")
    pairs = ((key, np.asarray(store[_key(key)]), form) for key, form in listed.items())
    return replace(bare, arrays={key: decoded(array, form) for key, array, form in pairs})


def _key(key: Key) -> str:
    path, state = key
    return f"{path}/{state}"


def _leaves(store: Any, prefix: str = "") -> Iterator[str]:
    """Keys of arrays; a store of HDF5 makes groups of what stands before a slash."""
    for key in store.keys():  # noqa: SIM118
        value = store[key]
        if hasattr(value, "keys"):
            yield from _leaves(value, f"{prefix}{key}/")
        else:
            yield prefix + key
